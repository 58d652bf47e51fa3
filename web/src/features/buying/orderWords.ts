/** How an order is called and counted, in the list and on its page. */
import type { Event, Order } from "../../api/types";

export function eventIdsOf({ lines }: Order): string[] {
  return lines.flatMap(({ eventId }) => (eventId === null ? [] : [eventId]));
}

export function ticketCountOf({ lines }: Order): number {
  return lines.reduce((sum, { quantity }) => sum + quantity, 0);
}

/** "Lanterns on the Quay and 1 more". */
export function nameOfOrder(order: Order, events: ReadonlyMap<string, Event>): string {
  const [first, ...others] = eventIdsOf(order);
  const name = (first !== undefined && events.get(first)?.name) || "Tickets";
  return others.length === 0 ? name : `${name} and ${others.length} more`;
}
