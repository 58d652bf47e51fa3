/**
 * What a visitor looks for, as it stands in the address: `?q=jazz&from=2026-12-01&type=concert`.
 * Whatever does not fit is left out, so an old or mangled link still opens the catalogue.
 */
export interface EventsSearch {
  q?: string;
  /** First and last day, "2026-12-05", in the visitor's own calendar. */
  from?: string;
  to?: string;
  location?: string;
  type?: string;
}

export function readEventsSearch(search: Record<string, unknown>): EventsSearch {
  return withoutEmpty({
    q: readText(search.q),
    from: readDay(search.from),
    to: readDay(search.to),
    location: readText(search.location),
    type: readText(search.type),
  });
}

/** Leaves out what was not filled in, so that it does not stand in the address. */
export function withoutEmpty(search: EventsSearch): EventsSearch {
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value));
}

export function isFiltered(search: EventsSearch): boolean {
  return Object.keys(search).length > 0;
}

/** The search as the API takes it: days become the moments at which they begin and end here. */
export function toApiQuery({ q, from, to, location, type }: EventsSearch, now: Date = new Date()) {
  return {
    q,
    location,
    eventType: type,
    // Without a first day the catalogue begins today: nobody buys tickets for last week.
    from: startOfDay(from ?? now).toISOString(),
    to: to && endOfDay(to).toISOString(),
  };
}

function startOfDay(day: string | Date): Date {
  const start = typeof day === "string" ? new Date(`${day}T00:00`) : new Date(day);
  start.setHours(0, 0, 0, 0);
  return start;
}

function endOfDay(day: string): Date {
  const end = startOfDay(day);
  end.setDate(end.getDate() + 1);
  return new Date(end.getTime() - 1);
}

/** The router reads `?q=1984` as a number. */
function readText(value: unknown): string | undefined {
  if (typeof value !== "string" && typeof value !== "number") return undefined;
  return String(value).trim() || undefined;
}

function readDay(value: unknown): string | undefined {
  if (typeof value !== "string" || !/^\d{4}-\d{2}-\d{2}$/.test(value)) return undefined;
  return Number.isNaN(Date.parse(value)) ? undefined : value;
}
