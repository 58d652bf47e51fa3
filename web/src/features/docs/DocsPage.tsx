/** The reference of the HTTP API, drawn from the server's own description of it. */
import { Anchor, Text, TextInput, Title } from "@mantine/core";
import { useSuspenseQuery } from "@tanstack/react-query";
import { getRouteApi, useLocation } from "@tanstack/react-router";
import { useDeferredValue, useEffect, useMemo, useState } from "react";
import { EmptyState } from "../../ui/EmptyState";
import { formatQuantity } from "../../ui/format";
import { Icon } from "../../ui/icons";
import { PageHeader } from "../../ui/PageHeader";
import styles from "./docs.module.css";
import { OperationCard } from "./OperationCard";
import { groupsOf, matches, type OpenApi, type TagGroup } from "./openapi";
import { OPENAPI_PATH, openApiQuery } from "./queries";
import { SchemaCard } from "./SchemaCard";
import { schemaAnchor } from "./SchemaText";

const route = getRouteApi("/docs");

export function DocsPage() {
  const { data: document } = useSuspenseQuery(openApiQuery);
  const { q = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const [text, setText] = useState(q);
  const search = useDeferredValue(text.trim());
  const groups = useMemo(() => groupsOf(document), [document]);
  const found = useMemo(() => (search === "" ? groups : filtered(groups, search)), [groups, search]);
  const schemas = Object.entries(document.components?.schemas ?? {});
  const shownSchemas = schemas.filter(([name]) => name.toLowerCase().includes(search.toLowerCase()));
  const target = useTarget();
  const count = found.reduce((sum, { operations }) => sum + operations.length, 0);

  return (
    <>
      <PageHeader title="API reference" description={<Introduction document={document} />} />
      <search className={styles.search}>
        <TextInput
          type="search"
          aria-label="Search the reference"
          placeholder="tickets, POST, check-in"
          leftSection={<Icon name="search" size={18} />}
          value={text}
          onChange={(event) => {
            const typed = event.currentTarget.value;
            setText(typed);
            navigate({
              search: typed.trim() === "" ? {} : { q: typed.trim() },
              replace: true,
              resetScroll: false,
            });
          }}
          style={{ flex: "0 1 380px" }}
        />
        <Text size="sm" c="dimmed" role="status">
          {formatQuantity(count, "operation")}, {formatQuantity(shownSchemas.length, "schema")}
        </Text>
      </search>
      <div className={styles.layout}>
        <Contents groups={found} />
        <div className={styles.body}>
          {count + shownSchemas.length === 0 && (
            <EmptyState icon="search" title="Nothing goes by these words">
              Try fewer, or a part of the path.
            </EmptyState>
          )}
          {found.map(({ tag, description, operations }) => (
            <section key={tag} id={`tag-${tag}`} className={styles.section}>
              <Title order={2} tt="capitalize">
                {tag}
              </Title>
              {description && <Text c="dimmed">{description}</Text>}
              {operations.map((operation) => (
                <OperationCard
                  key={operation.id}
                  document={document}
                  operation={operation}
                  isTarget={target === operation.id}
                />
              ))}
            </section>
          ))}
          {shownSchemas.length > 0 && (
            <section id="schemas" className={styles.section}>
              <Title order={2}>Schemas</Title>
              {shownSchemas.map(([name, schema]) => (
                <SchemaCard key={name} name={name} schema={schema} isTarget={target === schemaAnchor(name)} />
              ))}
            </section>
          )}
        </div>
      </div>
    </>
  );
}

function Introduction({ document }: { document: OpenApi }) {
  return (
    <>
      {document.info.description ?? `${document.info.title}, version ${document.info.version}.`} The same as a
      machine reads it:{" "}
      <Anchor href={OPENAPI_PATH} underline="always" inherit>
        OpenAPI document
      </Anchor>
      .
    </>
  );
}

function Contents({ groups }: { groups: TagGroup[] }) {
  return (
    <nav aria-label="Parts of the API" className={styles.contents}>
      <ul>
        {groups.map(({ tag, operations }) => (
          <li key={tag}>
            <a href={`#tag-${tag}`}>
              <span>{tag}</span> <small>{operations.length}</small>
            </a>
          </li>
        ))}
        <li>
          <a href="#schemas">
            <span>Schemas</span>
          </a>
        </li>
      </ul>
    </nav>
  );
}

function filtered(groups: TagGroup[], search: string): TagGroup[] {
  return groups
    .map((group) => ({
      ...group,
      operations: group.operations.filter((operation) => matches(operation, `${search}`)),
    }))
    .filter(({ operations }) => operations.length > 0);
}

/** What the address points to; brought into view once it is open. */
function useTarget(): string {
  const hash = useLocation({ select: (location) => location.hash });
  useEffect(() => {
    if (hash !== "") document.getElementById(hash)?.scrollIntoView();
  }, [hash]);
  return hash;
}
