/**
 * What happens when the session ends under the reader: nothing of it stays in the cache, and a page
 * that is only for people who are signed in gives way to the sign-in page, with the way back.
 */
import type { QueryClient } from "@tanstack/react-query";
import type { AnyRouter } from "@tanstack/react-router";
import { meQuery } from "../api/me";
import { session } from "../api/session";

/** The routes under this one need a session; see `routes/_signedIn.tsx`. */
const SIGNED_IN_ROUTE = "/_signedIn";

export function followSessionEnd(router: AnyRouter, queryClient: QueryClient): () => void {
  return session.onEnd(() => {
    queryClient.setQueryData(meQuery.queryKey, null);
    queryClient.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== meQuery.queryKey[0] });

    const { matches, location } = router.state;
    const needsSession = matches.some(({ routeId }) => routeId === SIGNED_IN_ROUTE);
    if (needsSession) router.navigate({ to: "/sign-in", search: { return: location.href } });
    else router.invalidate();
  });
}
