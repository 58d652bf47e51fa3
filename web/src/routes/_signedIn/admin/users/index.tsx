import { createFileRoute } from "@tanstack/react-router";
import { customersQuery } from "../../../../api/customers";
import { rolesQuery } from "../../../../api/roles";
import { type UserFilter, usersQuery } from "../../../../api/users";
import { UsersPage } from "../../../../features/admin/UsersPage";

const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);

export const Route = createFileRoute("/_signedIn/admin/users/")({
  validateSearch: ({ email, role, customerId, userType }: Record<string, unknown>): UserFilter => ({
    email: text(email),
    role: text(role),
    customerId: text(customerId),
    userType: [1, 2, 3].includes(Number(userType)) ? Number(userType) : undefined,
  }),
  loaderDeps: ({ search }) => search,
  loader: ({ context, deps }) =>
    Promise.all([
      context.queryClient.ensureInfiniteQueryData(usersQuery(deps)),
      context.queryClient.ensureQueryData(rolesQuery),
      context.queryClient.ensureQueryData(customersQuery),
    ]),
  component: UsersPage,
});
