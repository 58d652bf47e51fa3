/** A schema in place: its type in words, with links to the schemas it is made of. */
import type { ReactNode } from "react";
import styles from "./docs.module.css";
import { alternatives, limitsOf, type Schema, schemaName } from "./openapi";

export function schemaAnchor(name: string): string {
  return `schema-${name}`;
}

export function SchemaText({ schema }: { schema: Schema }) {
  const { schemas, isNullable } = alternatives(schema);
  return (
    <span className={styles.type}>
      {schemas.map((part, index) => (
        // The alternatives of a schema have no names, and never change places.
        // biome-ignore lint/suspicious/noArrayIndexKey: see above
        <span key={index}>
          {index > 0 && " or "}
          <OneType schema={part} />
        </span>
      ))}
      {isNullable && " or null"}
      {schemas.some(({ properties }) => properties) &&
        schemas.map(
          (part) => part.properties && <Fields key={Object.keys(part.properties).join()} schema={part} />,
        )}
    </span>
  );
}

function OneType({ schema }: { schema: Schema }): ReactNode {
  const name = schemaName(schema);
  if (name !== null) return <a href={`#${schemaAnchor(name)}`}>{name}</a>;
  if (schema.allOf) return <SchemaText schema={{ oneOf: schema.allOf }} />;
  if (schema.const !== undefined) return <code>{JSON.stringify(schema.const)}</code>;
  if (schema.enum) {
    return schema.enum.map((value, index) => (
      <span key={String(value)}>
        {index > 0 && " | "}
        <code>{JSON.stringify(value)}</code>
      </span>
    ));
  }
  if (schema.type === "array") {
    return (
      <>
        array of <SchemaText schema={schema.items ?? {}} />
      </>
    );
  }
  if (schema.additionalProperties && !schema.properties) {
    const values = schema.additionalProperties;
    return (
      <>
        object with free keys
        {typeof values === "object" && Object.keys(values).length > 0 && (
          <>
            {" "}
            and values <SchemaText schema={values} />
          </>
        )}
      </>
    );
  }
  return `${schema.type ?? "anything"}${schema.format ? ` (${schema.format})` : ""}`;
}

/** The fields of an object, one under the other. */
export function Fields({ schema }: { schema: Schema }) {
  return (
    <ul className={styles.fields}>
      {Object.entries(schema.properties ?? {}).map(([field, part]) => {
        const limits = limitsOf(part);
        return (
          <li key={field}>
            <code>{field}</code> <SchemaText schema={part} />
            {!schema.required?.includes(field) && <small> optional</small>}
            {part.description && <p>{part.description}</p>}
            {limits.length > 0 && <p>{limits.join(", ")}</p>}
          </li>
        );
      })}
    </ul>
  );
}
