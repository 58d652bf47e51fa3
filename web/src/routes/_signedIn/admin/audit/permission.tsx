import { createFileRoute } from "@tanstack/react-router";
import { customersQuery } from "../../../../api/customers";
import { permissionsQuery } from "../../../../api/roles";
import { readQuestion } from "../../../../features/admin/audit";
import { PermissionPage } from "../../../../features/admin/PermissionPage";

export const Route = createFileRoute("/_signedIn/admin/audit/permission")({
  validateSearch: readQuestion,
  loader: ({ context }) =>
    Promise.all([
      context.queryClient.ensureQueryData(permissionsQuery),
      context.queryClient.ensureQueryData(customersQuery),
    ]),
  component: PermissionPage,
});
