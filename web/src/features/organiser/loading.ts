/** What is fetched before a page of the organiser is shown, so that moving between filters never blinks. */
import type { QueryClient } from "@tanstack/react-query";
import { customerQuery, customersQuery } from "../../api/customers";
import { customersWhere } from "../../api/me";
import type { Me } from "../../api/types";
import { usersQuery } from "../../api/users";
import { type CustomerSearch, chosenCustomer, SEES_EVENTS, SEES_PEOPLE, seesAllCustomers } from "./customers";
import { type EventFilter, eventsQuery } from "./queries";

export async function loadEvents(
  queryClient: QueryClient,
  me: Me,
  search: CustomerSearch & Pick<EventFilter, "status">,
) {
  const customerId = chosenCustomer(me, search, SEES_EVENTS) ?? undefined;
  if (customerId === undefined && !seesAllCustomers(me)) return;
  await Promise.all([
    loadCustomers(queryClient, me, customersWhere(me, ...SEES_EVENTS), customerId),
    queryClient.ensureInfiniteQueryData(eventsQuery({ customerId, status: search.status })),
  ]);
}

export async function loadPeople(queryClient: QueryClient, me: Me, search: CustomerSearch) {
  const customerId = chosenCustomer(me, search, SEES_PEOPLE) ?? undefined;
  if (customerId === undefined && !seesAllCustomers(me)) return;
  await Promise.all([
    loadCustomers(queryClient, me, customersWhere(me, ...SEES_PEOPLE), customerId),
    customerId && queryClient.ensureInfiniteQueryData(usersQuery({ customerId })),
  ]);
}

async function loadCustomers(queryClient: QueryClient, me: Me, own: string[], chosen: string | undefined) {
  const ids = new Set(chosen === undefined ? own : [...own, chosen]);
  await Promise.all([
    ...[...ids].map((id) => queryClient.ensureQueryData(customerQuery(id))),
    seesAllCustomers(me) && queryClient.ensureQueryData(customersQuery),
  ]);
}
