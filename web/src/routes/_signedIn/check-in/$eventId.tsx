import { createFileRoute } from "@tanstack/react-router";
import { CheckInPage } from "../../../features/checkin/CheckInPage";
import { doorEventQuery } from "../../../features/checkin/queries";

export const Route = createFileRoute("/_signedIn/check-in/$eventId")({
  loader: ({ context, params }) => context.queryClient.ensureQueryData(doorEventQuery(params.eventId)),
  component: CheckInPage,
});
