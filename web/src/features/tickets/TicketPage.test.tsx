import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { session } from "../../api/session";
import type { Ticket } from "../../api/types";
import { renderApp } from "../../testing/renderApp";
import { sampleEvent, sampleMe, sampleTicket } from "../../testing/samples";
import { answer, serveApi } from "../../testing/server";

const CODE = sampleTicket().code;

beforeEach(() => session.begin("token"));
afterEach(() => vi.unstubAllGlobals());

function serveTicket(fields: Partial<Ticket> = {}) {
  let ticket = sampleTicket(fields);
  return serveApi({
    "GET /api/v1/users/me": () => answer(sampleMe()),
    [`GET /api/v1/tickets/${CODE}`]: () => answer(ticket),
    [`GET /api/v1/events/${ticket.eventId}`]: () => answer(sampleEvent()),
    [`DELETE /api/v1/tickets/${CODE}`]: () => {
      ticket = { ...ticket, status: "cancelled" };
      return new Response(null, { status: 204 });
    },
  });
}

test("a ticket shows its code twice: for the scanner and for the eye", async () => {
  serveTicket();
  renderApp(`/tickets/${CODE}`);

  expect(await screen.findByRole("img", { name: `QR code of ticket ${CODE}` })).toBeDefined();
  expect(screen.getByText(CODE)).toBeDefined();
  expect(await screen.findByText("Sat 5 Dec 2026, 19:00 – 23:00 GMT+1 (Stockholm)")).toBeDefined();
  expect(screen.getByText("Ada Lind")).toBeDefined();
});

test("giving a ticket back asks first and then voids it", async () => {
  const server = serveTicket();
  renderApp(`/tickets/${CODE}`);

  await userEvent.click(await screen.findByRole("button", { name: "Cancel this ticket" }));
  const dialog = await screen.findByRole("dialog");
  expect(server.count(`DELETE /api/v1/tickets/${CODE}`)).toBe(0);
  await userEvent.click(within(dialog).getByRole("button", { name: "Cancel the ticket" }));

  expect(await screen.findByText(/opens no door/, { selector: "article *" })).toBeDefined();
  expect(screen.queryByRole("img", { name: /QR code/ })).toBeNull();
  expect(screen.queryByRole("button", { name: "Print" })).toBeNull();
});

test("a ticket that was used cannot be given back", async () => {
  serveTicket({ status: "checkedIn", checkedInAt: "2026-12-05T18:12:00Z" });
  renderApp(`/tickets/${CODE}`);

  expect(await screen.findByText("Checked in")).toBeDefined();
  expect(screen.queryByRole("button", { name: "Cancel this ticket" })).toBeNull();
});
