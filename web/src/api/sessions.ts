/** Where somebody is signed in: one's own sessions, and those of others for administrators. */
import { queryOptions } from "@tanstack/react-query";
import { api } from "./client";
import type { Session } from "./types";

/** The sessions of a user, the own ones without one; the latest first. */
export const sessionsQuery = (userId?: string) =>
  queryOptions({
    queryKey: ["sessions", userId ?? "own"],
    queryFn: async ({ signal }): Promise<Session[]> => {
      const params = { query: { userId } };
      return (await api.GET("/api/v1/auth/sessions", { params, signal })).data?.items ?? [];
    },
  });

export async function endSession(id: string) {
  await api.DELETE("/api/v1/auth/sessions/{id}", { params: { path: { id } } });
}

/** Ends all sessions of a user, the own ones without one, but for the one in use. */
export async function endSessions(userId?: string) {
  await api.DELETE("/api/v1/auth/sessions", { params: { query: { userId } } });
}
