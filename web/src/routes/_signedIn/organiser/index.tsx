import { createFileRoute } from "@tanstack/react-router";
import type { EventStatus } from "../../../api/types";
import { type CustomerSearch, readCustomerSearch } from "../../../features/organiser/customers";
import { loadEvents } from "../../../features/organiser/loading";
import { OrganiserPage } from "../../../features/organiser/OrganiserPage";

interface OrganiserSearch extends CustomerSearch {
  status?: EventStatus;
}

const STATUSES: unknown[] = ["draft", "published", "cancelled", "completed"] satisfies EventStatus[];

export const Route = createFileRoute("/_signedIn/organiser/")({
  validateSearch: (search: Record<string, unknown>): OrganiserSearch => ({
    ...readCustomerSearch(search),
    ...(STATUSES.includes(search.status) ? { status: search.status as EventStatus } : {}),
  }),
  loaderDeps: ({ search }) => search,
  loader: ({ context, deps }) => loadEvents(context.queryClient, context.me, deps),
  component: OrganiserPage,
});
