import { createFileRoute } from "@tanstack/react-router";
import { ChooseEventPage } from "../../../features/checkin/ChooseEventPage";
import { customersAtDoor } from "../../../features/checkin/customers";
import { doorEventsQuery } from "../../../features/checkin/queries";

export const Route = createFileRoute("/_signedIn/check-in/")({
  loader: async ({ context }) => {
    const customerIds = customersAtDoor(context.me);
    if (customerIds !== null) await context.queryClient.ensureQueryData(doorEventsQuery(customerIds));
  },
  component: ChooseEventPage,
});
