/** One operation: closed a line, open everything one needs to call it. */
import { Button, CopyButton, Text } from "@mantine/core";
import { type ReactNode, useEffect, useState } from "react";
import styles from "./docs.module.css";
import { curlOf, exampleOf, limitsOf, type OpenApi, type Operation, type Parameter } from "./openapi";
import { SchemaText } from "./SchemaText";

interface OperationCardProps {
  document: OpenApi;
  operation: Operation;
  /** The address points to it, so it is open. */
  isTarget: boolean;
}

export function OperationCard({ document, operation, isTarget }: OperationCardProps) {
  const [isOpen, setIsOpen] = useState(isTarget);
  useEffect(() => {
    if (isTarget) setIsOpen(true);
  }, [isTarget]);

  const { id, method, path, summary, isDeprecated } = operation;
  return (
    <details
      id={id}
      className={styles.card}
      open={isOpen}
      onToggle={(event) => setIsOpen(event.currentTarget.open)}
    >
      <summary className={styles.line}>
        <span className={styles.method} data-method={method}>
          {method}
        </span>
        <code className={styles.path}>{path}</code>
        <span className={styles.summary}>
          {summary}
          {isDeprecated && " (deprecated)"}
        </span>
      </summary>
      {isOpen && <Inside document={document} operation={operation} />}
    </details>
  );
}

const TOKEN_WORDS: Record<Operation["token"], string> = {
  none: "Takes no token.",
  optional: "Takes a token; what is public is answered without one.",
  required: "Needs a token.",
};

function Inside({ document, operation }: { document: OpenApi; operation: Operation }) {
  const { id, description, parameters, body, answers, token } = operation;
  return (
    <div className={styles.inside}>
      <p className={styles.note}>
        {TOKEN_WORDS[token]} <a href={`#${id}`}>Link to this operation</a>
      </p>
      {description && <Text style={{ whiteSpace: "pre-line" }}>{description}</Text>}
      {parameters.length > 0 && <Parameters parameters={parameters} />}
      {body && (
        <Part title="Body" note={body.type}>
          <SchemaText schema={body.schema} />
        </Part>
      )}
      <Part title="Answers">
        <dl className={styles.answers}>
          {answers.map(({ status, description: meaning, schema, type }) => (
            <div key={status}>
              <dt>
                <code data-status={status.charAt(0)}>{status === "default" ? "otherwise" : status}</code>
              </dt>
              <dd>
                {meaning} {schema && <SchemaText schema={schema} />} {type && <small>{type}</small>}
              </dd>
            </div>
          ))}
        </dl>
      </Part>
      <Code title="Example call" text={curlOf(document, operation, location.origin)} />
      <ExampleAnswer document={document} operation={operation} />
    </div>
  );
}

function ExampleAnswer({ document, operation }: { document: OpenApi; operation: Operation }) {
  const answer = operation.answers.find(({ status, schema }) => status.startsWith("2") && schema !== null);
  if (!answer?.schema) return null;
  return (
    <Code
      title={`Example answer, ${answer.status}`}
      text={JSON.stringify(exampleOf(document, answer.schema), null, 2)}
    />
  );
}

function Parameters({ parameters }: { parameters: Parameter[] }) {
  return (
    <Part title="Parameters">
      <ul className={styles.fields}>
        {parameters.map((parameter) => (
          <li key={`${parameter.in}-${parameter.name}`}>
            <code>{parameter.name}</code>{" "}
            <small>
              in the {parameter.in}
              {parameter.required ? ", required" : ""}
            </small>{" "}
            {parameter.schema && <SchemaText schema={parameter.schema} />}
            {parameter.description && <p>{parameter.description}</p>}
            {parameter.schema && limitsOf(parameter.schema).length > 0 && (
              <p>{limitsOf(parameter.schema).join(", ")}</p>
            )}
          </li>
        ))}
      </ul>
    </Part>
  );
}

function Part({ title, note, children }: { title: string; note?: string; children: ReactNode }) {
  return (
    <section>
      <h3 className={styles.heading}>
        {title} {note && <small>{note}</small>}
      </h3>
      {children}
    </section>
  );
}

function Code({ title, text }: { title: string; text: string }) {
  return (
    <section>
      <div className={styles.codeHead}>
        <h3 className={styles.heading}>{title}</h3>
        <CopyButton value={text}>
          {({ copied, copy }) => (
            <Button size="compact-xs" variant="default" onClick={copy}>
              {copied ? "Copied" : "Copy"}
            </Button>
          )}
        </CopyButton>
      </div>
      {/* A long line scrolls sideways, also by keyboard. */}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <pre className={styles.code} tabIndex={0}>
        <code>{text}</code>
      </pre>
    </section>
  );
}
