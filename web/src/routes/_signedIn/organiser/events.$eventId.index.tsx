import { createFileRoute } from "@tanstack/react-router";
import type { TicketStatus } from "../../../api/types";
import { EventSalesPage } from "../../../features/organiser/EventSalesPage";
import { eventQuery } from "../../../features/organiser/queries";
import type { Bucket } from "../../../ui/timeScale";

interface EventSearch {
  bucket?: Bucket;
  tickets?: TicketStatus;
}

const TICKET_STATUSES: unknown[] = ["valid", "checkedIn", "cancelled"] satisfies TicketStatus[];

export const Route = createFileRoute("/_signedIn/organiser/events/$eventId/")({
  validateSearch: ({ bucket, tickets }: Record<string, unknown>): EventSearch => ({
    ...(bucket === "hour" ? { bucket } : {}),
    ...(TICKET_STATUSES.includes(tickets) ? { tickets: tickets as TicketStatus } : {}),
  }),
  loader: ({ context, params }) => context.queryClient.ensureQueryData(eventQuery(params.eventId)),
  component: EventSalesPage,
});
