import { createFileRoute } from "@tanstack/react-router";
import { customersQuery } from "../../../../api/customers";
import { rolesQuery } from "../../../../api/roles";
import { sessionsQuery } from "../../../../api/sessions";
import { userQuery } from "../../../../api/users";
import { UserPage } from "../../../../features/admin/UserPage";

export const Route = createFileRoute("/_signedIn/admin/users/$userId")({
  loader: ({ context, params }) =>
    Promise.all([
      context.queryClient.fetchQuery({ ...userQuery(params.userId), staleTime: 0 }),
      context.queryClient.fetchQuery({ ...sessionsQuery(params.userId), staleTime: 0 }),
      context.queryClient.ensureQueryData(rolesQuery),
      context.queryClient.ensureQueryData(customersQuery),
    ]),
  component: UserPage,
});
