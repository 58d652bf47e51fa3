/** The description of the API, from the server that is described. */
import { queryOptions } from "@tanstack/react-query";
import { readProblem, unreachableProblem } from "../../api/problem";
import type { OpenApi } from "./openapi";

export const OPENAPI_PATH = "/api/v1/openapi.json";

export const openApiQuery = queryOptions({
  queryKey: ["openapi"],
  staleTime: Number.POSITIVE_INFINITY,
  queryFn: async ({ signal }) => {
    const response = await fetch(OPENAPI_PATH, { signal }).catch(() => {
      throw unreachableProblem();
    });
    if (!response.ok) throw await readProblem(response);
    return (await response.json()) as OpenApi;
  },
});
