import { createFileRoute } from "@tanstack/react-router";
import { ticketsQuery } from "../../../features/tickets/queries";
import { TicketsPage } from "../../../features/tickets/TicketsPage";

export const Route = createFileRoute("/_signedIn/tickets/")({
  loader: ({ context }) => context.queryClient.ensureInfiniteQueryData(ticketsQuery),
  component: TicketsPage,
});
