import { fireEvent, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { session } from "../../api/session";
import { renderApp } from "../../testing/renderApp";
import { sampleEvent, sampleMe } from "../../testing/samples";
import { answer, serveApi } from "../../testing/server";
import { changeOf, eventFieldsOf, eventFormSchema, formValuesOf } from "./eventFields";

const event = sampleEvent({ details: { doors: "18:00", guests: 3 } });
const noSales = {
  eventId: event.id,
  seats: 800,
  seatsLeft: 312,
  ticketsSold: 488,
  ticketsCancelled: 0,
  ticketsCheckedIn: 0,
  revenue: event.price,
  points: [],
};
const asOrganiser = {
  "GET /api/v1/users/me": () =>
    answer(sampleMe(["events:read", "events:create", "events:update", "customers:read"], event.customerId)),
  [`GET /api/v1/events/${event.id}`]: () => answer(event, 200, { etag: '"7"' }),
  [`GET /api/v1/events/${event.id}/sales`]: () => answer(noSales),
  "GET /api/v1/tickets": () => answer({ items: [], nextCursor: null }),
};

beforeEach(() => session.begin("token"));
afterEach(() => vi.unstubAllGlobals());

test("an event that nobody touched has no change", () => {
  expect(changeOf(eventFieldsOf(formValuesOf(event), event), event)).toEqual({});
});

test("a detail that was taken out is sent as null, and the others keep their type", () => {
  const values = formValuesOf(event);
  const [, guests] = values.details;
  const fields = eventFieldsOf({ ...values, details: guests ? [guests] : [] }, event);
  expect(changeOf(fields, event)).toEqual({ details: { doors: null, guests: 3 } });
});

test("changing the zone alone moves the event: its times are those on the clock", () => {
  const fields = eventFieldsOf({ ...formValuesOf(event), timeZone: "Asia/Tokyo" }, event);
  expect(changeOf(fields, event)).toEqual({
    timeZone: "Asia/Tokyo",
    startDate: "2026-12-05T10:00:00.000Z",
    endDate: "2026-12-05T14:00:00.000Z",
  });
});

test("an amount has the decimals of its currency", () => {
  const values = { ...formValuesOf(event), price: 19.99 };
  expect(eventFieldsOf({ ...values, currency: "EUR" }).price.amountMinor).toBe(1999);
  expect(eventFieldsOf({ ...values, price: 6800, currency: "JPY" }).price.amountMinor).toBe(6800);
});

test("what ends before it starts is laid at the end", () => {
  const values = { ...formValuesOf(event), endDate: "2026-12-05T18:59" };
  const result = eventFormSchema.safeParse(values);
  expect(result.error?.issues.map(({ path, message }) => [path, message])).toEqual([
    [["endDate"], "It ends before it starts."],
  ]);
});

test("too few seats are said at the field, with what the server says", async () => {
  const bodies: unknown[] = [];
  serveApi({
    ...asOrganiser,
    [`PATCH /api/v1/events/${event.id}`]: ({ body }) => {
      bodies.push(body);
      return answer({ code: "seats_below_sold", title: "Conflict", detail: "488 seats are sold." }, 409);
    },
  });
  renderApp(`/organiser/events/${event.id}/edit`);

  const seats = await screen.findByLabelText("Seats");
  await userEvent.clear(seats);
  await userEvent.type(seats, "10");
  await userEvent.click(screen.getByRole("button", { name: "Save" }));

  expect(await screen.findByText("488 seats are sold.")).toBeDefined();
  expect(seats.getAttribute("aria-invalid")).toBe("true");
  expect(bodies).toEqual([{ seats: 10 }]);
});

test("the form says when the clocks skip the time that was typed", async () => {
  serveApi(asOrganiser);
  renderApp(`/organiser/events/${event.id}/edit`);

  fireEvent.change(await screen.findByLabelText("Starts"), { target: { value: "2026-03-29T02:30" } });

  expect(await screen.findByText(/clocks skip this time/)).toBeDefined();
  expect(screen.getByText(/Sun 29 Mar 2026, 03:30 GMT\+2/)).toBeDefined();
});

test("of a time that comes twice the second one can be chosen", async () => {
  const bodies: unknown[] = [];
  serveApi({
    ...asOrganiser,
    [`PATCH /api/v1/events/${event.id}`]: ({ body }) => {
      bodies.push(body);
      return answer(event, 200, { etag: '"8"' });
    },
  });
  const { router } = renderApp(`/organiser/events/${event.id}/edit`);

  fireEvent.change(await screen.findByLabelText("Starts"), { target: { value: "2026-10-25T02:30" } });
  await userEvent.click(await screen.findByRole("checkbox", { name: /The second one/ }));
  await userEvent.click(screen.getByRole("button", { name: "Save" }));

  await waitFor(() => expect(router.state.location.pathname).toBe(`/organiser/events/${event.id}`));
  expect(bodies).toEqual([{ startDate: "2026-10-25T01:30:00.000Z" }]);
});
