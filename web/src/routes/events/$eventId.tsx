import { createFileRoute } from "@tanstack/react-router";
import { eventQuery } from "../../api/events";
import { BuyBox } from "../../features/buying/BuyBox";
import { EventPage } from "../../features/catalogue/EventPage";

export const Route = createFileRoute("/events/$eventId")({
  codeSplitGroupings: [["component"]],
  loader: ({ context, params }) => context.queryClient.ensureQueryData(eventQuery(params.eventId)),
  component: () => <EventPage buyBox={(event) => <BuyBox key={event.id} event={event} />} />,
});
