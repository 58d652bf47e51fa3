/** In which order a person looks through their tickets: what comes next first, what is off apart. */
import type { Event, Ticket } from "../../api/types";

export interface EventTickets {
  eventId: string;
  /** Undefined while it is loading and when it was taken down. */
  event: Event | undefined;
  tickets: Ticket[];
}

export interface SortedTickets {
  upcoming: EventTickets[];
  past: EventTickets[];
  cancelled: EventTickets[];
}

export function sortTickets(
  tickets: Ticket[],
  events: ReadonlyMap<string, Event>,
  now: Date = new Date(),
): SortedTickets {
  const isOff = ({ status, eventId }: Ticket) =>
    status === "cancelled" || events.get(eventId)?.status === "cancelled";
  const isOver = ({ event }: EventTickets) =>
    event !== undefined && (event.status === "completed" || new Date(event.endDate) <= now);

  const live = groupByEvent(
    tickets.filter((ticket) => !isOff(ticket)),
    events,
  );
  return {
    upcoming: live.filter((group) => !isOver(group)).sort(bySoonest),
    past: live.filter(isOver).sort((a, b) => bySoonest(b, a)),
    cancelled: groupByEvent(tickets.filter(isOff), events).sort(bySoonest),
  };
}

function groupByEvent(tickets: Ticket[], events: ReadonlyMap<string, Event>): EventTickets[] {
  const groups = new Map<string, EventTickets>();
  for (const ticket of tickets) {
    const { eventId } = ticket;
    const group = groups.get(eventId) ?? { eventId, event: events.get(eventId), tickets: [] };
    group.tickets.push(ticket);
    groups.set(eventId, group);
  }
  return [...groups.values()];
}

/** An event whose day is not known stands last. */
function bySoonest(a: EventTickets, b: EventTickets): number {
  const dayOf = ({ event }: EventTickets) =>
    event ? new Date(event.startDate).getTime() : Number.MAX_SAFE_INTEGER;
  return dayOf(a) - dayOf(b);
}
