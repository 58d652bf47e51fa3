/** The roles and the permissions they are made of. */
import { queryOptions } from "@tanstack/react-query";
import { api, query } from "./client";
import { loadAll, PAGE_LENGTH_MAX } from "./paging";
import type { Role } from "./types";
import { ifMatch, type Versioned, versioned } from "./versioned";

export const rolesQuery = queryOptions({
  queryKey: ["roles"],
  queryFn: ({ signal }): Promise<Role[]> =>
    loadAll<Role>(async (cursor) => {
      const params = { query: { limit: PAGE_LENGTH_MAX, cursor } };
      return (await api.GET("/api/v1/roles", { params, signal })).data;
    }),
});

export const roleQuery = (name: string) =>
  queryOptions({
    queryKey: ["role", name],
    queryFn: async ({ signal }) =>
      versioned<Role>(await api.GET("/api/v1/roles/{name}", { params: { path: { name } }, signal })),
  });

export const permissionsQuery = query.queryOptions("get", "/api/v1/permissions");

export interface RoleFields {
  name: string;
  description: string;
  permissions: string[];
}

export async function createRole(fields: RoleFields) {
  return (await api.POST("/api/v1/roles", { body: fields })).data as Role;
}

export async function updateRole(
  { value, version }: Versioned<Role>,
  change: { description: string; permissions: string[] },
) {
  const params = { path: { name: value.name }, header: ifMatch(version) };
  await api.PATCH("/api/v1/roles/{name}", { params, body: change });
}

export async function deleteRole({ value, version }: Versioned<Role>) {
  await api.DELETE("/api/v1/roles/{name}", {
    params: { path: { name: value.name }, header: ifMatch(version) },
  });
}
