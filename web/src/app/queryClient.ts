/** How long answers count as fresh and which failures are worth another try. */
import { QueryClient } from "@tanstack/react-query";
import { isProblem } from "../api/problem";

const FRESH_FOR_MS = 10_000;
const RETRIES_MAX = 2;

export function createQueryClient() {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: FRESH_FOR_MS,
        retry: (failures, error) => failures < RETRIES_MAX && mayPass(error),
      },
    },
  });
}

/** A fault of the connection or of a restarting server passes; a refusal stays one. */
function mayPass(error: unknown): boolean {
  return isProblem(error) && (error.status === 0 || error.status === 502 || error.status === 503);
}
