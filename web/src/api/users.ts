/** Accounts of other people and the roles they hold: for the people page and the administration. */
import { queryOptions } from "@tanstack/react-query";
import { api } from "./client";
import { pagesQuery } from "./paging";
import type { Crew, HeldRole, User } from "./types";
import { ifMatch, type Versioned, versioned } from "./versioned";

export interface UserFilter {
  email?: string;
  role?: string;
  customerId?: string;
  userType?: number;
}

export const usersQuery = (filter: UserFilter) =>
  pagesQuery<User>(["users", filter], async (cursor, signal) => {
    const params = { query: { ...filter, cursor } };
    return (await api.GET("/api/v1/users", { params, signal })).data;
  });

export const userQuery = (id: string) =>
  queryOptions({
    queryKey: ["user", id],
    queryFn: async ({ signal }) =>
      versioned<User>(await api.GET("/api/v1/users/{id}", { params: { path: { id } }, signal })),
  });

export interface Invitation {
  email: string;
  password: string;
  firstName: string;
  lastName: string;
  customerId: string;
}

/** Makes an account that belongs to a customer from its first moment. */
export async function createUser(invitation: Invitation) {
  return (await api.POST("/api/v1/users", { body: invitation })).data as User;
}

type UserChange = Partial<Pick<User, "firstName" | "lastName" | "isActive" | "userType" | "customerId">>;

export async function updateUser({ value, version }: Versioned<User>, change: UserChange) {
  const params = { path: { id: value.id }, header: ifMatch(version) };
  await api.PATCH("/api/v1/users/{id}", { params, body: change });
}

export async function deleteUser({ value, version }: Versioned<User>) {
  await api.DELETE("/api/v1/users/{id}", { params: { path: { id: value.id }, header: ifMatch(version) } });
}

export async function saveCrew(userId: string, crew: Crew) {
  await api.PUT("/api/v1/users/{id}/crew", { params: { path: { id: userId } }, body: crew });
}

export async function giveRole(userId: string, { role, customerId }: HeldRole) {
  const body = customerId === null ? { role } : { role, customerId };
  await api.POST("/api/v1/users/{id}/roles", { params: { path: { id: userId } }, body });
}

export async function takeRole(userId: string, { role, customerId }: HeldRole) {
  const query = customerId === null ? {} : { customerId };
  await api.DELETE("/api/v1/users/{id}/roles/{role}", { params: { path: { id: userId, role }, query } });
}

/** One grant among several of the same person. */
export function keyOfHeldRole({ role, customerId }: HeldRole): string {
  return `${role}@${customerId ?? "everywhere"}`;
}
