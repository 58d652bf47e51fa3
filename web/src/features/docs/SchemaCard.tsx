/** One of the schemas the API speaks in, by name. */
import { Text } from "@mantine/core";
import { useEffect, useState } from "react";
import styles from "./docs.module.css";
import type { Schema } from "./openapi";
import { Fields, SchemaText, schemaAnchor } from "./SchemaText";

interface SchemaCardProps {
  name: string;
  schema: Schema;
  isTarget: boolean;
}

export function SchemaCard({ name, schema, isTarget }: SchemaCardProps) {
  const [isOpen, setIsOpen] = useState(isTarget);
  useEffect(() => {
    if (isTarget) setIsOpen(true);
  }, [isTarget]);

  return (
    <details
      id={schemaAnchor(name)}
      className={styles.card}
      open={isOpen}
      onToggle={(event) => setIsOpen(event.currentTarget.open)}
    >
      <summary className={styles.line}>
        <b>{name}</b>
        <span className={styles.summary}>{schema.description?.split("\n")[0]}</span>
      </summary>
      {isOpen && (
        <div className={styles.inside}>
          {schema.description && <Text style={{ whiteSpace: "pre-line" }}>{schema.description}</Text>}
          {schema.properties ? <Fields schema={schema} /> : <SchemaText schema={schema} />}
        </div>
      )}
    </details>
  );
}
