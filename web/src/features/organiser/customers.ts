/** Which customers a person works for, and which of them a page is about. */
import { useSuspenseQueries } from "@tanstack/react-query";
import { customerQuery } from "../../api/customers";
import { customersWhere, mayEverywhere, type PermissionName } from "../../api/me";
import type { Customer, Me } from "../../api/types";

/** What it takes to look at an organiser's events: the drafts too, and whose they are. */
export const SEES_EVENTS: PermissionName[] = ["events:read", "customers:read"];
/** What it takes to have a say over the people of a customer. */
export const SEES_PEOPLE: PermissionName[] = ["users:list", "customers:read"];

export interface CustomerSearch {
  customer?: string;
}

export const readCustomerSearch = ({ customer }: Record<string, unknown>): CustomerSearch =>
  typeof customer === "string" ? { customer } : {};

/** The customer asked for in the address, or the person's own; null when there is none. */
export function chosenCustomer(
  me: Me,
  { customer }: CustomerSearch,
  permissions: PermissionName[],
): string | null {
  const ids = customersWhere(me, ...permissions);
  if (customer !== undefined && (ids.includes(customer) || seesAllCustomers(me))) return customer;
  if (me.customerId !== null && ids.includes(me.customerId)) return me.customerId;
  return ids[0] ?? null;
}

export function seesAllCustomers(me: Me): boolean {
  return mayEverywhere(me, "customers:read");
}

/** The customers behind the ids, in the order of their names. */
export function useCustomers(ids: string[]): Customer[] {
  const answers = useSuspenseQueries({ queries: ids.map((id) => customerQuery(id)) });
  return answers.map(({ data }) => data.value).sort((a, b) => a.name.localeCompare(b.name));
}
