import { createFileRoute } from "@tanstack/react-router";
import { permissionsQuery, roleQuery } from "../../../../api/roles";
import { RolePage } from "../../../../features/admin/RolePage";

export const Route = createFileRoute("/_signedIn/admin/roles/$name")({
  loader: ({ context, params }) =>
    Promise.all([
      context.queryClient.fetchQuery({ ...roleQuery(params.name), staleTime: 0 }),
      context.queryClient.ensureQueryData(permissionsQuery),
    ]),
  component: RolePage,
});
