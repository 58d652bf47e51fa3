/** The messages between services: how they stand and stood, and the dead letters with what is done about them. */
import { queryOptions } from "@tanstack/react-query";
import { api } from "../../api/client";
import { pagesQuery } from "../../api/paging";
import type {
  BrokerDeadLetter,
  DeadLetter,
  MessagesBroker,
  MessagesLag,
  MessagesOverview,
  ServiceMessages,
} from "../../api/types";
import { formatQuantity } from "../../ui/format";
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
  /** Of the broker: its consumers are those of programs outside. */
  stream?: string;
  consumer?: string;
}

export function readMessagesSearch(search: Record<string, unknown>): MessagesSearch {
  const { part, span, service, stream, consumer } = search;
  const isPart = typeof part === "string" && Object.hasOwn(PARTS, part);
  return {
    part: isPart ? (part as Part) : undefined,
    span: span === "week" ? span : undefined,
    service: typeof service === "string" ? service : undefined,
    stream: typeof stream === "string" ? stream : undefined,
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

/** A dead letter as it is shown, whoever gave it up. */
export interface LetterRow {
  title: string;
  /** After "for" and the consumer's name. */
  about: string;
  why: string;
  /** Before the time: "12 tries, the last". */
  tries: string;
  at: string;
  /** Not there when the broker does not keep it any more. */
  message: string | null;
  isCut: boolean;
  which: Letters;
}

/** One dead letter of a consumer, or all: of a service, or of a program outside at the broker. */
export type Letters =
  | { service: string; consumer: string; messageId?: string }
  | { stream: string; consumer: string; sequence?: number };

/** The consumer that is chosen in the address, if one is. */
export function chosenIn({ service, stream, consumer }: MessagesSearch): Letters | null {
  if (consumer === undefined) return null;
  if (stream !== undefined) return { stream, consumer };
  return service === undefined ? null : { service, consumer };
}

/** Dead letters; which services are away is in the overview. */
export const lettersQuery = (search: MessagesSearch) => {
  const chosen = chosenIn(search);
  return pagesQuery<LetterRow>(["messages", "letters", chosen], async (cursor, signal) => {
    if (chosen !== null && "stream" in chosen) {
      const params = { query: { stream: chosen.stream, consumer: chosen.consumer, cursor } };
      const { data } = await api.GET("/api/v1/admin/messages/broker/dead-letters", { params, signal });
      return data && { ...data, items: data.items.map((letter) => brokerRow(chosen, letter)) };
    }
    const params = { query: { ...chosen, cursor } };
    const { data } = await api.GET("/api/v1/admin/messages/dead-letters", { params, signal });
    return data && { ...data, items: data.items.map(serviceRow) };
  });
};

function serviceRow(letter: DeadLetter): LetterRow {
  const { service, consumer, messageId, type, subject, source } = letter;
  return {
    title: type ?? "Unreadable",
    about: [source && ` from ${source}`, subject && `, about ${subject}`].join(""),
    why: letter.error,
    tries: `${formatQuantity(letter.attempts, "try", "tries")}, the last`,
    at: letter.triedAt,
    message: JSON.stringify(letter.message, null, 2),
    isCut: false,
    which: { service, consumer, messageId },
  };
}

function brokerRow(of: { stream: string; consumer: string }, letter: BrokerDeadLetter): LetterRow {
  const { sequence, subject, deliveries, reason, givenUpAt, message, isCut } = letter;
  return {
    title: subject,
    about: `, number ${sequence} in ${of.stream}`,
    why: reason,
    tries: `${formatQuantity(deliveries, "delivery", "deliveries")}, given up`,
    at: givenUpAt,
    message: message && indented(message),
    isCut,
    which: { ...of, sequence },
  };
}

/** Programs may say anything; only JSON has a form that reads better. */
function indented(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

export type Deed = "replay" | "drop";

/** How many there were. */
export async function settleLetters(deed: Deed, body: Letters): Promise<number> {
  const { data } =
    "stream" in body
      ? deed === "replay"
        ? await api.POST("/api/v1/admin/messages/broker/dead-letters/replay", { body })
        : await api.POST("/api/v1/admin/messages/broker/dead-letters/drop", { body })
      : deed === "replay"
        ? await api.POST("/api/v1/admin/messages/dead-letters/replay", { body })
        : await api.POST("/api/v1/admin/messages/dead-letters/drop", { body });
  return data?.count ?? 0;
}

/** Programs outside that gave something up. */
export function outsideOf({ consumers }: MessagesBroker): MessagesBroker["consumers"] {
  return consumers.filter(({ deadLetters }) => deadLetters > 0);
}

export interface Totals {
  waiting: number;
  retrying: number;
  deadLetters: number;
  away: string[];
}

export function sum(counts: number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

export function totalsOf(services: ServiceMessages[]): Totals {
  const consumers = services.flatMap((service) => service.consumers);
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
