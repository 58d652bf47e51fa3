/** What the organiser's pages ask of the server and tell it. */
import { type QueryClient, queryOptions } from "@tanstack/react-query";
import { api } from "../../api/client";
import { type CustomerFields, createCustomer } from "../../api/customers";
import { waitForRights } from "../../api/me";
import { pagesQuery } from "../../api/paging";
import type { CustomerType, Event, EventStatus, Money, Sales, Ticket, TicketStatus } from "../../api/types";
import { ifMatch, type Versioned, versioned } from "../../api/versioned";

export interface EventFilter {
  customerId?: string;
  status?: EventStatus;
}

export const eventsQuery = (filter: EventFilter) =>
  pagesQuery<Event>(["events", filter], async (cursor, signal) => {
    const params = { query: { ...filter, cursor } };
    return (await api.GET("/api/v1/events", { params, signal })).data;
  });

export const eventQuery = (id: string) =>
  queryOptions({
    queryKey: ["event", id],
    queryFn: async ({ signal }) =>
      versioned<Event>(await api.GET("/api/v1/events/{id}", { params: { path: { id } }, signal })),
  });

/** By the hour, from which the page makes the days of the event's zone: the server knows those of UTC. */
export const salesQuery = (id: string) =>
  queryOptions({
    queryKey: ["sales", id],
    queryFn: async ({ signal }) => {
      const params = { path: { id }, query: { bucket: "hour" as const } };
      return (await api.GET("/api/v1/events/{id}/sales", { params, signal })).data as Sales;
    },
  });

export const eventTicketsQuery = (eventId: string, status: TicketStatus | undefined) =>
  pagesQuery<Ticket>(["tickets", eventId, status], async (cursor, signal) => {
    const params = { query: { eventId, status, cursor } };
    return (await api.GET("/api/v1/tickets", { params, signal })).data;
  });

export async function findTicket(code: string) {
  return (await api.GET("/api/v1/tickets/{code}", { params: { path: { code } } })).data as Ticket;
}

export async function cancelTicket(code: string) {
  await api.DELETE("/api/v1/tickets/{code}", { params: { path: { code } } });
}

export interface EventFields {
  name: string;
  description: string;
  eventType: string;
  location: string;
  timeZone: string;
  startDate: string;
  endDate: string;
  seats: number;
  price: Money;
  details: Record<string, unknown>;
}

export async function createEvent(customerId: string, fields: EventFields) {
  return (await api.POST("/api/v1/events", { body: { customerId, ...fields } })).data as Event;
}

export async function updateEvent(
  { value, version }: Versioned<Event>,
  change: Partial<EventFields> & { status?: EventStatus },
) {
  const params = { path: { id: value.id }, header: ifMatch(version) };
  await api.PATCH("/api/v1/events/{id}", { params, body: change });
}

export async function deleteEvent({ value, version }: Versioned<Event>) {
  const params = { path: { id: value.id }, header: ifMatch(version) };
  await api.DELETE("/api/v1/events/{id}", { params });
}

/** Founds a customer, and waits for the role in it that its founder gets a moment later. */
export async function found(
  queryClient: QueryClient,
  fields: CustomerFields & { customerType: CustomerType },
) {
  const customer = await createCustomer(fields);
  await waitForRights(queryClient, (me) =>
    me.permissions.some(({ customerIds }) => customerIds.includes(customer.id)),
  );
  await queryClient.invalidateQueries();
  return customer;
}
