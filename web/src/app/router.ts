/** The router and what every route gets from it: the query cache and the pages for trouble. */
import type { QueryClient } from "@tanstack/react-query";
import { createRouter, lazyRouteComponent, type RouterHistory } from "@tanstack/react-router";
import { routeTree } from "../routeTree.gen";

export interface RouterContext {
  queryClient: QueryClient;
}

export function createAppRouter(queryClient: QueryClient, history?: RouterHistory) {
  return createRouter({
    routeTree,
    history,
    context: { queryClient },
    defaultPreload: "intent",
    // The query cache decides what is fresh, so a preloaded route asks it every time.
    defaultPreloadStaleTime: 0,
    defaultErrorComponent: lazyRouteComponent(() => import("./ErrorPage"), "ErrorPage"),
    defaultNotFoundComponent: lazyRouteComponent(() => import("./NotFoundPage"), "NotFoundPage"),
    scrollRestoration: true,
  });
}
