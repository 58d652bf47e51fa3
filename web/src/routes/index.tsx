import { createFileRoute } from "@tanstack/react-router";
import { EventsPage } from "../features/catalogue/EventsPage";
import { eventsQuery } from "../features/catalogue/queries";
import { readEventsSearch } from "../features/catalogue/search";

export const Route = createFileRoute("/")({
  codeSplitGroupings: [["component"]],
  validateSearch: readEventsSearch,
  loaderDeps: ({ search }) => search,
  // Not waited for: the page shows itself at once and the list when it is there.
  loader: ({ context, deps }) => {
    context.queryClient.prefetchInfiniteQuery(eventsQuery(deps));
  },
  component: EventsPage,
});
