import { createFileRoute } from "@tanstack/react-router";
import { OrderPage } from "../../../features/buying/OrderPage";
import { orderQuery } from "../../../features/buying/queries";

export const Route = createFileRoute("/_signedIn/orders/$orderId")({
  loader: ({ context, params }) => context.queryClient.ensureQueryData(orderQuery(params.orderId)),
  component: OrderPage,
});
