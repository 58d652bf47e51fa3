/** The programs that sign users in with Backline, and those that use its API by themselves. */
import { Badge, Button } from "@mantine/core";
import { useSuspenseQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type Column, DataTable } from "../../ui/DataTable";
import { EmptyState } from "../../ui/EmptyState";
import { formatMoment } from "../../ui/format";
import { Icon } from "../../ui/icons";
import { PageHeader } from "../../ui/PageHeader";
import { Surface } from "../../ui/Surface";
import styles from "./admin.module.css";
import { KINDS, kindOf, programsQuery, type Registration } from "./programs";

const COLUMNS: Column<Registration>[] = [
  {
    key: "program",
    header: "Program",
    isTitle: true,
    cell: ({ client_id, client_name }) => (
      <Link to="/admin/programs/$clientId" params={{ clientId: client_id }} className={styles.rowLink}>
        {client_name}
      </Link>
    ),
  },
  { key: "kind", header: "Kind", cell: (program) => KINDS[kindOf(program)].label },
  {
    key: "since",
    header: "Registered",
    cell: ({ client_id_issued_at }) => formatMoment(new Date(client_id_issued_at * 1000).toISOString()),
  },
  {
    key: "state",
    header: "State",
    cell: ({ backline_active }) => <ProgramState isOn={backline_active} />,
  },
];

export function ProgramsPage() {
  const { data: programs } = useSuspenseQuery(programsQuery);
  return (
    <>
      <PageHeader
        title="Programs"
        description="Applications that sign people in with Backline, and service accounts that use its API."
        actions={<RegisterLink />}
      />
      <Surface>
        <DataTable
          caption="Programs"
          columns={COLUMNS}
          rows={programs}
          rowKey={({ client_id }) => client_id}
          empty={
            <EmptyState icon="plug" title="No programs yet">
              Register one, and people can sign in to it with their account here.
            </EmptyState>
          }
        />
      </Surface>
    </>
  );
}

export function ProgramState({ isOn }: { isOn: boolean }) {
  return (
    <Badge variant="light" color={isOn ? "green" : "red"} tt="none">
      {isOn ? "Active" : "Disabled"}
    </Badge>
  );
}

function RegisterLink() {
  return (
    <Button
      leftSection={<Icon name="plus" size={18} />}
      renderRoot={(props) => <Link to="/admin/programs/new" {...props} />}
    >
      Register a program
    </Button>
  );
}
