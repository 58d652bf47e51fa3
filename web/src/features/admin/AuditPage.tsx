/** Who did what to what, when and from where: read, filtered and taken away as a file. */
import { Badge, Button, Group, Stack, Text, UnstyledButton } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";
import { usePages } from "../../api/paging";
import type { AuditEntry } from "../../api/types";
import { type Column, DataTable } from "../../ui/DataTable";
import { EmptyState } from "../../ui/EmptyState";
import { PageHeader } from "../../ui/PageHeader";
import { ProblemAlert } from "../../ui/ProblemAlert";
import { Surface } from "../../ui/Surface";
import { AuditEntryDialog, Moment } from "./AuditEntryDialog";
import { AuditFilters } from "./AuditFilters";
import { auditQuery, downloadAudit, isFiltered, OUTCOMES, objectOf, partyOf, wordsFor } from "./audit";
import styles from "./audit.module.css";

const route = getRouteApi("/_signedIn/admin/audit/");

export function AuditPage() {
  const search = route.useSearch();
  const { items, onMore, isLoadingMore } = usePages(auditQuery(search));
  const [opened, setOpened] = useState<AuditEntry | null>(null);

  return (
    <>
      <PageHeader
        title="Audit log"
        description="Who did what to what, when and from where. Nobody can change it."
        actions={<CheckLink />}
      />
      <AuditFilters />
      <Surface>
        <Stack>
          <Exports />
          <DataTable
            caption="Audit log"
            columns={columnsThat(setOpened)}
            rows={items}
            rowKey={({ id }) => id}
            onMore={onMore}
            isLoadingMore={isLoadingMore}
            empty={<Nothing isFiltered={isFiltered(search)} />}
          />
        </Stack>
      </Surface>
      <AuditEntryDialog entry={opened} onClose={() => setOpened(null)} />
    </>
  );
}

function columnsThat(open: (entry: AuditEntry) => void): Column<AuditEntry>[] {
  return [
    {
      key: "what",
      header: "What",
      isTitle: true,
      cell: (entry) => (
        <div>
          <UnstyledButton className={styles.what} onClick={() => open(entry)}>
            {wordsFor(entry)}
          </UnstyledButton>
          <Text size="sm" c="dimmed" className={styles.object}>
            {objectOf(entry)}
          </Text>
        </div>
      ),
    },
    {
      key: "who",
      header: "Who",
      cell: (entry) => (
        <div className={styles.who}>
          <Text inherit>{partyOf(entry)}</Text>
          <Text size="sm" c="dimmed">
            {entry.address}
          </Text>
        </div>
      ),
    },
    { key: "outcome", header: "Outcome", cell: (entry) => <OutcomeBadge entry={entry} /> },
    { key: "when", header: "When", isNumeric: true, cell: ({ at }) => <Moment at={at} /> },
  ];
}

export function OutcomeBadge({ entry: { outcome, count } }: { entry: AuditEntry }) {
  const { label, color } = OUTCOMES[outcome];
  return (
    <Badge className={styles.outcome} variant="light" color={color} tt="none">
      {count > 1 ? `${label} ×${count}` : label}
    </Badge>
  );
}

function Nothing({ isFiltered }: { isFiltered: boolean }) {
  if (!isFiltered) {
    return (
      <EmptyState icon="clock" title="Nothing on record yet">
        What people and programs do from now on is listed here a moment later.
      </EmptyState>
    );
  }
  return (
    <EmptyState
      icon="search"
      title="Nothing fits"
      action={
        <Button variant="default" renderRoot={(props) => <Link to="/admin/audit" {...props} />}>
          Show everything
        </Button>
      }
    >
      Take one of the filters away.
    </EmptyState>
  );
}

function Exports() {
  const search = route.useSearch();
  const download = useMutation({
    mutationFn: (format: "csv" | "jsonl") => downloadAudit(search, format),
  });
  return (
    <>
      <Group gap="sm" justify="flex-end">
        <Text size="sm" c="dimmed" className={styles.exports}>
          {isFiltered(search) ? "Take what fits away" : "Take all of it away"}
        </Text>
        <Button
          size="xs"
          variant="default"
          loading={download.isPending && download.variables === "csv"}
          onClick={() => download.mutate("csv")}
        >
          Export as CSV
        </Button>
        <Button
          size="xs"
          variant="default"
          loading={download.isPending && download.variables === "jsonl"}
          onClick={() => download.mutate("jsonl")}
        >
          Export as JSON lines
        </Button>
      </Group>
      <ProblemAlert
        error={download.error}
        messages={{ too_many_entries: "That is more than one file takes: choose a shorter time." }}
      />
    </>
  );
}

function CheckLink() {
  return (
    <Button variant="default" renderRoot={(props) => <Link to="/admin/audit/permission" {...props} />}>
      Check a permission
    </Button>
  );
}
