/**
 * The cart as it is reviewed: each line with its event, grouped by currency, since an order has one
 * currency; and what is wrong with a line, in words.
 */
import { isProblem } from "../../api/problem";
import type { Event, Money } from "../../api/types";
import { availabilityOf } from "../../ui/availability";
import { formatCount } from "../../ui/format";
import type { CartLine } from "./cart";

export interface ReviewLine extends CartLine {
  event: Event;
}

export interface CurrencyGroup {
  currency: string;
  lines: ReviewLine[];
  total: Money;
}

export function groupByCurrency(lines: ReviewLine[]): CurrencyGroup[] {
  const currencies = [...new Set(lines.map(({ event }) => event.price.currency))];
  return currencies.map((currency) => {
    const own = lines.filter(({ event }) => event.price.currency === currency);
    return { currency, lines: own, total: sum(own, currency) };
  });
}

export function lineTotal({ event, quantity }: ReviewLine): Money {
  return { amountMinor: event.price.amountMinor * quantity, currency: event.price.currency };
}

function sum(lines: ReviewLine[], currency: string): Money {
  const amountMinor = lines.reduce((total, line) => total + lineTotal(line).amountMinor, 0);
  return { amountMinor, currency };
}

/** Why these tickets cannot be had, or null when nothing speaks against it. */
export function lineProblem({ event, quantity }: ReviewLine): string | null {
  switch (availabilityOf(event)) {
    case "cancelled":
      return "This event was cancelled.";
    case "over":
      return "This event is over.";
    case "notOnSale":
      return "This event is not on sale.";
    case "soldOut":
      return "Sold out. Take it out of the cart.";
    default:
      return event.seatsLeft < quantity ? `Only ${formatCount(event.seatsLeft)} left. Take fewer.` : null;
  }
}

const REFUSALS: Record<string, string> = {
  event_sold_out: "The last seats were sold a moment ago.",
  event_not_on_sale: "This event is not on sale any more.",
};

/**
 * What the server said against one line of the order: by the event the problem names, by the line's
 * place in `errors`, or because the order has no other line. Null when it is about the whole order.
 */
export function readRefusal(error: unknown, lines: CartLine[]): { eventId: string; words: string } | null {
  if (!isProblem(error)) return null;
  const words = REFUSALS[error.code];
  const eventId = refusedEvent(error.document, lines);
  return words === undefined || eventId === undefined ? null : { eventId, words };
}

function refusedEvent(document: Readonly<Record<string, unknown>>, lines: CartLine[]): string | undefined {
  const told = `${document.eventId} ${document.detail}`;
  const named = lines.find(({ eventId }) => told.includes(eventId));
  const [first] = Array.isArray(document.errors) ? document.errors : [];
  const place = /^lines[.[](\d+)/.exec(String(first?.field ?? ""))?.[1];
  const only = lines.length === 1 ? lines[0] : undefined;
  return (named ?? (place === undefined ? undefined : lines[Number(place)]) ?? only)?.eventId;
}
