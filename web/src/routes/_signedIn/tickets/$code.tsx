import { createFileRoute } from "@tanstack/react-router";
import { ticketQuery } from "../../../features/tickets/queries";
import { TicketPage } from "../../../features/tickets/TicketPage";

export const Route = createFileRoute("/_signedIn/tickets/$code")({
  loader: ({ context, params }) => context.queryClient.ensureQueryData(ticketQuery(params.code)),
  component: TicketPage,
});
