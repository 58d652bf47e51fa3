import { createFileRoute } from "@tanstack/react-router";
import { permissionsQuery } from "../../../../api/roles";
import { NewRolePage } from "../../../../features/admin/NewRolePage";

export const Route = createFileRoute("/_signedIn/admin/roles/new")({
  loader: ({ context }) => context.queryClient.ensureQueryData(permissionsQuery),
  component: NewRolePage,
});
