/** What the catalogue asks the server. */
import { api, query } from "../../api/client";
import { pagesQuery } from "../../api/paging";
import type { Event } from "../../api/types";
import { type EventsSearch, toApiQuery } from "./search";

const EVENTS_A_PAGE = 24;
const SEATS_REFRESH_MS = 10_000;

/** The events that are on sale and fit the search, soonest first, page by page. */
export const eventsQuery = (search: EventsSearch) =>
  pagesQuery<Event>(["catalogue", search], async (cursor, signal) => {
    const wanted = { ...toApiQuery(search), status: "published", limit: EVENTS_A_PAGE, cursor };
    return (await api.GET("/api/v1/events", { params: { query: wanted }, signal })).data;
  });

/** While an event is looked at its seats are counted again and again; a hidden page rests. */
export const watched = { refetchInterval: SEATS_REFRESH_MS };

/** Whether the installation still waits for its first administrator. */
export const setupQuery = query.queryOptions("get", "/api/v1/setup");
