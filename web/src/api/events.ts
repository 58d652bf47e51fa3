/** One event by its id, for every feature that shows its name: asked once, shared by all. */
import { query } from "./client";

export const eventQuery = (eventId: string) =>
  query.queryOptions("get", "/api/v1/events/{id}", { params: { path: { id: eventId } } });
