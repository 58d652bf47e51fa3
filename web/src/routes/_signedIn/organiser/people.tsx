import { createFileRoute } from "@tanstack/react-router";
import { readCustomerSearch } from "../../../features/organiser/customers";
import { loadPeople } from "../../../features/organiser/loading";
import { PeoplePage } from "../../../features/organiser/PeoplePage";

export const Route = createFileRoute("/_signedIn/organiser/people")({
  validateSearch: readCustomerSearch,
  loaderDeps: ({ search }) => search,
  loader: ({ context, deps }) => loadPeople(context.queryClient, context.me, deps),
  component: PeoplePage,
});
