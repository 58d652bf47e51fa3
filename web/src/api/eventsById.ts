/** Several events by their ids: lists of tickets and orders name them, the cache asks for each once. */
import { useQueries } from "@tanstack/react-query";
import { eventQuery } from "./events";
import type { Event } from "./types";

const FRESH_FOR_MS = 60_000;

export interface EventsById {
  events: ReadonlyMap<string, Event>;
  isPending: boolean;
}

/** An event that cannot be found is left out. */
export function useEventsById(eventIds: string[]): EventsById {
  const ids = [...new Set(eventIds)];
  return useQueries({
    queries: ids.map((id) => ({ ...eventQuery(id), staleTime: FRESH_FOR_MS })),
    combine: (answers) => ({
      events: new Map(answers.flatMap(({ data }) => (data ? [[data.id, data] as const] : []))),
      isPending: answers.some(({ isPending }) => isPending),
    }),
  });
}
