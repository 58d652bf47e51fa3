/** The organisers and crew companies: read by the organiser's pages and by the administration. */
import { queryOptions } from "@tanstack/react-query";
import { api } from "./client";
import { loadAll, PAGE_LENGTH_MAX } from "./paging";
import type { Customer, CustomerType } from "./types";
import { ifMatch, type Versioned, versioned } from "./versioned";

export interface CustomerFields {
  name: string;
  orgNumber: string;
  address: string | null;
  email: string | null;
  phone: string | null;
}

export const customerQuery = (id: string) =>
  queryOptions({
    queryKey: ["customer", id],
    queryFn: async ({ signal }) =>
      versioned<Customer>(await api.GET("/api/v1/customers/{id}", { params: { path: { id } }, signal })),
  });

/** All the customers the person may see, by name, to choose from and to search in. */
export const customersQuery = queryOptions({
  queryKey: ["customers"],
  staleTime: 30_000,
  queryFn: async ({ signal }): Promise<Customer[]> => {
    const customers = await loadAll<Customer>(async (cursor) => {
      const params = { query: { limit: PAGE_LENGTH_MAX, cursor } };
      return (await api.GET("/api/v1/customers", { params, signal })).data;
    });
    return customers.sort((a, b) => a.name.localeCompare(b.name));
  },
});

export async function createCustomer(fields: CustomerFields & { customerType: CustomerType }) {
  return (await api.POST("/api/v1/customers", { body: fields })).data as Customer;
}

export async function updateCustomer(
  { value, version }: Versioned<Customer>,
  change: Partial<CustomerFields> & { isActive?: boolean },
) {
  const params = { path: { id: value.id }, header: ifMatch(version) };
  await api.PATCH("/api/v1/customers/{id}", { params, body: change });
}
