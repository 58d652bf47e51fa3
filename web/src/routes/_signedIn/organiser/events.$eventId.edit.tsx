import { createFileRoute } from "@tanstack/react-router";
import { EditEventPage } from "../../../features/organiser/EditEventPage";
import { eventQuery } from "../../../features/organiser/queries";

export const Route = createFileRoute("/_signedIn/organiser/events/$eventId/edit")({
  // The form is filled from what is stored now, not from what was seen a while ago.
  loader: ({ context, params }) =>
    context.queryClient.fetchQuery({ ...eventQuery(params.eventId), staleTime: 0 }),
  component: EditEventPage,
});
