import { createFileRoute } from "@tanstack/react-router";
import { rolesQuery } from "../../../../api/roles";
import { RolesPage } from "../../../../features/admin/RolesPage";

export const Route = createFileRoute("/_signedIn/admin/roles/")({
  loader: ({ context }) => context.queryClient.ensureQueryData(rolesQuery),
  component: RolesPage,
});
