/** The roles of this installation: those that come with it and those of its own. */
import { Badge, Button, Text } from "@mantine/core";
import { useSuspenseQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { rolesQuery } from "../../api/roles";
import type { Role } from "../../api/types";
import { type Column, DataTable } from "../../ui/DataTable";
import { formatCount } from "../../ui/format";
import { Icon } from "../../ui/icons";
import { PageHeader } from "../../ui/PageHeader";
import { Surface } from "../../ui/Surface";
import styles from "./admin.module.css";
import { EVERYTHING } from "./scopes";

const COLUMNS: Column<Role>[] = [
  {
    key: "role",
    header: "Role",
    isTitle: true,
    cell: ({ name, description }) => (
      <div>
        <Link to="/admin/roles/$name" params={{ name }} className={styles.rowLink}>
          {name}
        </Link>
        <Text size="sm" c="dimmed">
          {description}
        </Text>
      </div>
    ),
  },
  {
    key: "kind",
    header: "Kind",
    cell: ({ builtIn }) => (
      <Badge variant="light" color={builtIn ? "gray" : "stage"} tt="none">
        {builtIn ? "Built in" : "Own"}
      </Badge>
    ),
  },
  {
    key: "permissions",
    header: "Permissions",
    isNumeric: true,
    cell: ({ permissions }) => (permissions.includes(EVERYTHING) ? "All" : formatCount(permissions.length)),
  },
  {
    key: "holders",
    header: "Given",
    isNumeric: true,
    cell: ({ name, holders }) => (
      <Link to="/admin/users" search={{ role: name }} aria-label={`${holders} times; show who holds ${name}`}>
        {formatCount(holders)}
      </Link>
    ),
  },
];

export function RolesPage() {
  const { data: roles } = useSuspenseQuery(rolesQuery);
  return (
    <>
      <PageHeader
        title="Roles"
        description="A role is a set of permissions. Those that are built in cannot be changed; define your own beside them."
        actions={
          <Button
            leftSection={<Icon name="plus" size={18} />}
            renderRoot={(props) => <Link to="/admin/roles/new" {...props} />}
          >
            Define a role
          </Button>
        }
      />
      <Surface>
        <DataTable caption="Roles" columns={COLUMNS} rows={roles} rowKey={({ name }) => name} empty={null} />
      </Surface>
    </>
  );
}
