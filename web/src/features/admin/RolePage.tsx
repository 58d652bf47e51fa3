/** One role: to read when it is built in, to change or delete when it is one of our own. */
import { Badge, Button, Text, Title } from "@mantine/core";
import { useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { deleteRole, permissionsQuery, type RoleFields, roleQuery, updateRole } from "../../api/roles";
import type { Role } from "../../api/types";
import type { Versioned } from "../../api/versioned";
import { ConfirmDialog } from "../../ui/ConfirmDialog";
import { formatQuantity } from "../../ui/format";
import { PageHeader } from "../../ui/PageHeader";
import { RoleEditor } from "./RoleEditor";
import { RoleForm } from "./RoleForm";

const route = getRouteApi("/_signedIn/admin/roles/$name");

export function RolePage() {
  const { name } = route.useParams();
  const { data: stored } = useSuspenseQuery(roleQuery(name));
  return stored.value.builtIn ? <BuiltInRole role={stored.value} /> : <OwnRole key={name} stored={stored} />;
}

function BuiltInRole({ role }: { role: Role }) {
  const { data: available } = useSuspenseQuery(permissionsQuery);
  return (
    <>
      <PageHeader
        title={role.name}
        description={`${role.description}. Given ${formatQuantity(role.holders, "time")}. It comes with Backline and cannot be changed.`}
        actions={
          <Badge variant="light" color="gray" tt="none" size="lg">
            Built in
          </Badge>
        }
      />
      <Title order={2} mb="sm">
        What it may do
      </Title>
      <RoleEditor available={available.items} chosen={role.permissions} />
    </>
  );
}

function OwnRole({ stored }: { stored: Versioned<Role> }) {
  const [opened, setOpened] = useState(stored);
  const [isDeleting, setIsDeleting] = useState(false);
  const [isSaved, setIsSaved] = useState(false);
  const queryClient = useQueryClient();
  const navigate = useNavigate();
  const role = opened.value;
  const { holders } = stored.value;

  const reload = async () => {
    setOpened(await queryClient.fetchQuery({ ...roleQuery(role.name), staleTime: 0 }));
  };
  const save = async ({ description, permissions }: RoleFields) => {
    setIsSaved(false);
    await updateRole(opened, { description: description.trim(), permissions });
    await queryClient.invalidateQueries();
    await reload();
    setIsSaved(true);
  };
  const remove = async () => {
    try {
      await deleteRole(opened);
    } catch (error) {
      // How often it is given may have changed since it was read.
      await queryClient.invalidateQueries(roleQuery(role.name));
      throw error;
    }
    await navigate({ to: "/admin/roles" });
    queryClient.removeQueries(roleQuery(role.name));
    await queryClient.invalidateQueries();
  };

  return (
    <>
      <PageHeader
        title={role.name}
        description={`Given ${formatQuantity(holders, "time")}. A change reaches everybody who holds it within a second.`}
        actions={
          <Button color="red" variant="light" onClick={() => setIsDeleting(true)}>
            Delete the role
          </Button>
        }
      />
      <RoleForm
        key={`${opened.version}${role.updatedAt}`}
        role={{ name: role.name, description: role.description, permissions: role.permissions }}
        submitLabel="Save"
        onSubmit={save}
        onReload={reload}
      >
        <Button variant="default" renderRoot={(props) => <Link to="/admin/roles" {...props} />}>
          Go back
        </Button>
        <Text role="status" size="sm" c="dimmed">
          {isSaved && "Saved"}
        </Text>
      </RoleForm>
      <ConfirmDialog
        isOpen={isDeleting}
        onClose={() => setIsDeleting(false)}
        title="Delete this role?"
        confirmLabel="Delete the role"
        onConfirm={remove}
      >
        {holders > 0
          ? `${role.name} is given ${formatQuantity(holders, "time")}. Take it from everybody first; the server refuses otherwise.`
          : `Nobody holds ${role.name}, so nobody loses anything.`}
      </ConfirmDialog>
    </>
  );
}
