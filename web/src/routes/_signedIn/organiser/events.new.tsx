import { createFileRoute } from "@tanstack/react-router";
import { readCustomerSearch } from "../../../features/organiser/customers";
import { NewEventPage } from "../../../features/organiser/NewEventPage";

export const Route = createFileRoute("/_signedIn/organiser/events/new")({
  validateSearch: readCustomerSearch,
  component: NewEventPage,
});
