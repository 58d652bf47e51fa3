import { expect, test } from "vitest";
import { sampleEvent, sampleTicket } from "../../testing/samples";
import { sortTickets } from "./grouping";

const now = new Date("2026-12-01T12:00:00Z");
const eventOn = (id: string, day: string, status: "published" | "cancelled" = "published") =>
  sampleEvent({ id, status, startDate: `${day}T18:00:00Z`, endDate: `${day}T22:00:00Z` });

const events = new Map(
  [
    eventOn("later", "2026-12-20"),
    eventOn("sooner", "2026-12-05"),
    eventOn("over", "2026-11-05"),
    eventOn("off", "2026-12-06", "cancelled"),
  ].map((event) => [event.id, event]),
);
const ticketFor = (eventId: string, fields = {}) => sampleTicket({ eventId, ...fields });
const idsOf = (groups: { eventId: string }[]) => groups.map(({ eventId }) => eventId);

test("what comes next stands first, what is over and what is off apart", () => {
  const { upcoming, past, cancelled } = sortTickets(
    [
      ticketFor("later"),
      ticketFor("over"),
      ticketFor("sooner"),
      ticketFor("later", { status: "cancelled" }),
      ticketFor("off"),
    ],
    events,
    now,
  );
  expect(idsOf(upcoming)).toEqual(["sooner", "later"]);
  expect(idsOf(past)).toEqual(["over"]);
  expect(idsOf(cancelled)).toEqual(["off", "later"]);
});

test("the tickets of one event stand together", () => {
  const { upcoming } = sortTickets(
    [ticketFor("later"), ticketFor("sooner"), ticketFor("later")],
    events,
    now,
  );
  expect(upcoming.map(({ tickets }) => tickets.length)).toEqual([1, 2]);
});

test("a ticket whose event is not known is shown last, not left out", () => {
  const { upcoming } = sortTickets([ticketFor("unknown"), ticketFor("later")], events, now);
  expect(idsOf(upcoming)).toEqual(["later", "unknown"]);
});
