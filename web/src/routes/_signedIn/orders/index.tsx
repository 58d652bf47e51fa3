import { createFileRoute } from "@tanstack/react-router";
import { OrdersPage } from "../../../features/buying/OrdersPage";
import { ordersQuery } from "../../../features/buying/queries";

export const Route = createFileRoute("/_signedIn/orders/")({
  loader: ({ context }) => context.queryClient.ensureInfiniteQueryData(ordersQuery),
  component: OrdersPage,
});
