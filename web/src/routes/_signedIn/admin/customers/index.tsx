import { createFileRoute } from "@tanstack/react-router";
import { customersQuery } from "../../../../api/customers";
import { CustomersPage } from "../../../../features/admin/CustomersPage";

interface CustomersSearch {
  q?: string;
  shown?: number;
}

export const Route = createFileRoute("/_signedIn/admin/customers/")({
  validateSearch: ({ q, shown }: Record<string, unknown>): CustomersSearch => ({
    ...(q ? { q: String(q) } : {}),
    ...(Number(shown) > 0 ? { shown: Number(shown) } : {}),
  }),
  loader: ({ context }) => context.queryClient.ensureQueryData(customersQuery),
  component: CustomersPage,
});
