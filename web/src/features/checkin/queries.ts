/** What the door asks of the server and tells it. */
import { queryOptions } from "@tanstack/react-query";
import { api } from "../../api/client";
import { isProblem } from "../../api/problem";
import type { Event, Sales, Ticket } from "../../api/types";

const COUNT_EVERY_MS = 15_000;
const EVENTS_MAX = 200;

/** The events on sale of the given customers; of all of them when none is given. */
export const doorEventsQuery = (customerIds: string[]) =>
  queryOptions({
    queryKey: ["door-events", customerIds],
    queryFn: async ({ signal }): Promise<Event[]> => {
      const wanted = customerIds.length === 0 ? [undefined] : customerIds;
      const pages = await Promise.all(
        wanted.map((customerId) => {
          const query = { customerId, status: "published", limit: EVENTS_MAX };
          return api.GET("/api/v1/events", { params: { query }, signal });
        }),
      );
      const events = pages.flatMap(({ data }) => data?.items ?? []);
      return events.sort((a, b) => a.startDate.localeCompare(b.startDate));
    },
  });

export const doorEventQuery = (id: string) =>
  queryOptions({
    queryKey: ["door-event", id],
    queryFn: async ({ signal }) =>
      (await api.GET("/api/v1/events/{id}", { params: { path: { id } }, signal })).data as Event,
  });

/** How many are sold and in; kept up to date, for several doors work at once. */
export const doorCountQuery = (id: string) =>
  queryOptions({
    queryKey: ["door-count", id],
    refetchInterval: COUNT_EVERY_MS,
    queryFn: async ({ signal }) =>
      (await api.GET("/api/v1/events/{id}/sales", { params: { path: { id } }, signal })).data as Sales,
  });

/** The name of whoever checked a ticket in, for those who may see it; null for others. */
export const doorKeeperQuery = (userId: string) =>
  queryOptions({
    queryKey: ["door-keeper", userId],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async ({ signal }) => {
      try {
        const params = { path: { id: userId } };
        const { data } = await api.GET("/api/v1/users/{id}", { params, signal });
        return data ? `${data.firstName} ${data.lastName}` : null;
      } catch (error) {
        if (isProblem(error) && (error.status === 403 || error.status === 404)) return null;
        throw error;
      }
    },
  });

/** Lets the holder of a ticket in at the door of an event. */
export async function checkIn(code: string, eventId: string, scannedAt: string, signal: AbortSignal) {
  const params = { path: { code } };
  const body = { eventId, scannedAt };
  return (await api.POST("/api/v1/tickets/{code}/check-in", { params, body, signal })).data as Ticket;
}
