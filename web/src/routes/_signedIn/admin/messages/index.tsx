import { createFileRoute } from "@tanstack/react-router";
import { MessagesPage } from "../../../../features/admin/MessagesPage";
import { lettersQuery, overviewQuery, readMessagesSearch } from "../../../../features/admin/messages";

export const Route = createFileRoute("/_signedIn/admin/messages/")({
  validateSearch: readMessagesSearch,
  loaderDeps: ({ search: { part, service, stream, consumer } }) => ({ part, service, stream, consumer }),
  loader: async ({ context: { queryClient }, deps }) => {
    const overview = queryClient.fetchQuery(overviewQuery);
    // What was given up a while ago may be gone by now. What fails is said in the place of the list.
    if (deps.part === "letters") {
      await queryClient.prefetchInfiniteQuery({ ...lettersQuery(deps), staleTime: 0 });
    }
    await overview;
  },
  component: MessagesPage,
});
