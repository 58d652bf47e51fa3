/** Defines a role of this installation's own. */
import { Button } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { createRole, type RoleFields } from "../../api/roles";
import { PageHeader } from "../../ui/PageHeader";
import { RoleForm } from "./RoleForm";

export function NewRolePage() {
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const submit = async (fields: RoleFields) => {
    const { name } = await createRole(fields);
    await queryClient.invalidateQueries();
    await navigate({ to: "/admin/roles/$name", params: { name } });
  };
  return (
    <>
      <PageHeader title="Define a role" />
      <RoleForm submitLabel="Define the role" onSubmit={submit}>
        <Button variant="default" renderRoot={(props) => <Link to="/admin/roles" {...props} />}>
          Go back
        </Button>
      </RoleForm>
    </>
  );
}
