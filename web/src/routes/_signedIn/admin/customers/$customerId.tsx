import { createFileRoute } from "@tanstack/react-router";
import { customerQuery } from "../../../../api/customers";
import { CustomerPage } from "../../../../features/admin/CustomerPages";

export const Route = createFileRoute("/_signedIn/admin/customers/$customerId")({
  loader: ({ context, params }) =>
    context.queryClient.fetchQuery({ ...customerQuery(params.customerId), staleTime: 0 }),
  component: CustomerPage,
});
