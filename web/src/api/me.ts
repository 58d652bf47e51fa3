/**
 * Who is signed in, for every feature: the `me` query and the question what that person may do.
 *
 * What is decided here is only what is shown. The server decides what is allowed.
 */
import { type QueryClient, queryOptions, useQuery } from "@tanstack/react-query";
import { api } from "./client";
import { isProblem } from "./problem";
import { session } from "./session";
import type { Me } from "./types";

/** The signed-in user, or null for a visitor. */
export const meQuery = queryOptions({
  queryKey: ["me"],
  staleTime: 60_000,
  queryFn: async ({ signal }): Promise<Me | null> => {
    if (!session.mayBeSignedIn) return null;
    try {
      const { data } = await api.GET("/api/v1/users/me", { signal });
      return data ?? null;
    } catch (error) {
      if (isProblem(error) && error.status === 401) return null;
      throw error;
    }
  },
});

const RIGHTS_TRIES_MAX = 20;
const RIGHTS_TRY_MS = 150;

/**
 * Asks who is signed in until the rights are there that follow, a moment later, from what was just done. Gives up
 * quietly: what is missing then says so itself.
 */
export async function waitForRights(queryClient: QueryClient, areThere: (me: Me) => boolean) {
  for (let tries = 0; tries < RIGHTS_TRIES_MAX; tries += 1) {
    const me = await queryClient.fetchQuery({ ...meQuery, staleTime: 0 });
    if (me !== null && areThere(me)) return;
    await new Promise((resolve) => setTimeout(resolve, RIGHTS_TRY_MS));
  }
}

/** The signed-in user; null for a visitor and while it is not known yet. */
export function useMe(): Me | null {
  return useQuery(meQuery).data ?? null;
}

/** Such as `events:update`. */
export type PermissionName = `${string}:${string}`;

type Held = Me["permissions"][number];

/** Whether the person holds the permission, wherever. */
export function may(me: Me | null, permission: PermissionName): boolean {
  return held(me, permission).some(reachesOthers);
}

/** Whether the person holds the permission in every customer. */
export function mayEverywhere(me: Me | null, permission: PermissionName): boolean {
  return held(me, permission).some(({ everywhere }) => everywhere);
}

/** Whether the person holds the permission in this customer. */
export function mayIn(me: Me | null, customerId: string, permission: PermissionName): boolean {
  return held(me, permission).some(
    ({ everywhere, customerIds }) => everywhere || customerIds.includes(customerId),
  );
}

/** The customers inside which the person holds all of the permissions; not those that come from holding them everywhere. */
export function customersWhere(me: Me | null, ...permissions: PermissionName[]): string[] {
  const inside = permissions.map((permission) =>
    held(me, permission).flatMap(({ customerIds }) => customerIds),
  );
  const [first = [], ...rest] = inside;
  return [...new Set(first)].filter((id) => rest.every((ids) => ids.includes(id)));
}

function held(me: Me | null, permission: PermissionName): Held[] {
  const permissions = me?.permissions ?? [];
  return permissions.filter((entry) => entry.permission === permission || entry.permission === "*:*");
}

/** What holds only for one's own things opens no page about those of others. */
function reachesOthers({ everywhere, customerIds }: Held): boolean {
  return everywhere || customerIds.length > 0;
}
