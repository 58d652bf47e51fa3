/** What the ticket pages ask of the server and tell it. */
import type { QueryClient } from "@tanstack/react-query";
import { api, query } from "../../api/client";
import { PAGE_LENGTH_MAX, pagesQuery } from "../../api/paging";
import type { Ticket } from "../../api/types";

/** One's own tickets; a long page, as they are put in order by the days of their events. */
export const ticketsQuery = pagesQuery<Ticket>(["own tickets"], async (cursor, signal) => {
  const page = { limit: PAGE_LENGTH_MAX, cursor };
  return (await api.GET("/api/v1/tickets", { params: { query: page }, signal })).data;
});

export const ticketQuery = (code: string) =>
  query.queryOptions("get", "/api/v1/tickets/{code}", { params: { path: { code } } });

/** Gives the seat back. The event, the order and the lists all change with it. */
export async function cancelTicket(queryClient: QueryClient, code: string) {
  await api.DELETE("/api/v1/tickets/{code}", { params: { path: { code } } });
  await queryClient.invalidateQueries();
}
