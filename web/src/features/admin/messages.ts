/** The messages between services: how they stand and stood, and the dead letters with what is done about them. */
import { queryOptions } from "@tanstack/react-query";
import { api } from "../../api/client";
import { pagesQuery } from "../../api/paging";
import type { DeadLetter, MessagesLag, MessagesOverview, ServiceMessages } from "../../api/types";
import type { ChartPoint } from "../../ui/TimeChart";

/** How often a page that is looked at asks again. */
const LOOK_EVERY_MS = 10_000;
const LAG_EVERY_MS = 60_000;

export const PARTS = { services: "Services", broker: "Broker", letters: "Dead letters" } as const;
export type Part = keyof typeof PARTS;

export const SPANS = {
  day: { label: "24 hours", hours: 24 },
  week: { label: "7 days", hours: 168 },
} as const;
export type Span = keyof typeof SPANS;

/** As it stands in the address. */
export interface MessagesSearch {
  part?: Part;
  span?: Span;
  service?: string;
  consumer?: string;
}

export function readMessagesSearch(search: Record<string, unknown>): MessagesSearch {
  const { part, span, service, consumer } = search;
  const isPart = typeof part === "string" && Object.hasOwn(PARTS, part);
  return {
    part: isPart ? (part as Part) : undefined,
    span: span === "week" ? span : undefined,
    service: typeof service === "string" ? service : undefined,
    consumer: typeof consumer === "string" ? consumer : undefined,
  };
}

export const overviewQuery = queryOptions({
  queryKey: ["messages", "overview"],
  staleTime: 0,
  refetchInterval: LOOK_EVERY_MS,
  queryFn: async ({ signal }): Promise<MessagesOverview> => {
    const { data } = await api.GET("/api/v1/admin/messages", { signal });
    return data ?? { services: [], broker: { isReachable: false, streams: [], consumers: [] } };
  },
});

export const lagQuery = (span: Span) =>
  queryOptions({
    queryKey: ["messages", "lag", span],
    staleTime: 0,
    refetchInterval: LAG_EVERY_MS,
    queryFn: async ({ signal }): Promise<MessagesLag[]> => {
      const params = { query: { hours: SPANS[span].hours } };
      const { data } = await api.GET("/api/v1/admin/messages/lag", { params, signal });
      return data?.items ?? [];
    },
  });

export const LETTERS_KEY = ["messages", "letters"];

/** Dead letters; which services are away is in the overview. */
export const lettersQuery = ({ service, consumer }: MessagesSearch) =>
  pagesQuery<DeadLetter>([...LETTERS_KEY, service, consumer], async (cursor, signal) => {
    const params = { query: { service, consumer, cursor } };
    return (await api.GET("/api/v1/admin/messages/dead-letters", { params, signal })).data;
  });

/** One dead letter, or all of a consumer. */
export interface Letters {
  service: string;
  consumer: string;
  messageId?: string;
}

export type Deed = "replay" | "drop";

/** How many there were. */
export async function settleLetters(deed: Deed, body: Letters): Promise<number> {
  const { data } =
    deed === "replay"
      ? await api.POST("/api/v1/admin/messages/dead-letters/replay", { body })
      : await api.POST("/api/v1/admin/messages/dead-letters/drop", { body });
  return data?.count ?? 0;
}

export interface Totals {
  waiting: number;
  retrying: number;
  deadLetters: number;
  away: string[];
}

export function totalsOf(services: ServiceMessages[]): Totals {
  const consumers = services.flatMap((service) => service.consumers);
  const sum = (counts: number[]) => counts.reduce((total, count) => total + count, 0);
  const outboxes = services.map(({ outbox }) => outbox?.waiting ?? 0);
  return {
    waiting: sum([...outboxes, ...consumers.map(({ waiting }) => waiting)]),
    retrying: sum(consumers.map(({ retrying }) => retrying)),
    deadLetters: sum(consumers.map(({ deadLetters }) => deadLetters)),
    away: services.filter(({ isReachable }) => !isReachable).map(({ name }) => name),
  };
}

/** A row of the table of services: an outbox, a consumer, or that a service is away. */
export interface StandingRow {
  key: string;
  service: string;
  kind: "outbox" | "consumer" | "away";
  name: string;
  waiting: number;
  retrying: number;
  deadLetters: number;
  oldestAt: string | null;
}

export function rowsOf(services: ServiceMessages[]): StandingRow[] {
  return services.flatMap(({ name: service, outbox, consumers }): StandingRow[] => {
    const row = (kind: StandingRow["kind"], name: string): StandingRow => ({
      key: `${service} ${kind} ${name}`,
      service,
      kind,
      name,
      waiting: 0,
      retrying: 0,
      deadLetters: 0,
      oldestAt: null,
    });
    if (outbox === null) return [row("away", service)];
    return [
      { ...row("outbox", service), ...outbox },
      ...consumers.map((consumer) => ({ ...row("consumer", consumer.name), ...consumer })),
    ];
  });
}

/** The consumers one can look at, those first that had most to do. */
export function curvesOf(lag: MessagesLag[]): { consumer: string; points: ChartPoint[] }[] {
  const most = ({ points }: { points: ChartPoint[] }) => Math.max(...points.map(({ value }) => value));
  return lag
    .map(({ consumer, points }) => ({
      consumer,
      points: points.map(({ start, waiting, deadLetters }) => ({
        start,
        value: waiting,
        note: deadLetters > 0 ? `${deadLetters} given up` : undefined,
      })),
    }))
    .sort((a, b) => most(b) - most(a) || a.consumer.localeCompare(b.consumer));
}
