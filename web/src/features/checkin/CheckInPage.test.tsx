import "fake-indexeddb/auto";
import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { session } from "../../api/session";
import { renderApp } from "../../testing/renderApp";
import { sampleEvent, sampleMe, sampleUser } from "../../testing/samples";
import { answer, serveApi } from "../../testing/server";

const event = sampleEvent();
const GOOD = "7KQ2-M9XD-4TBA-PR3W";
const checkIn = `POST /api/v1/tickets/${GOOD}/check-in`;
const atTheDoor = {
  "GET /api/v1/users/me": () => answer(sampleMe(["tickets:check-in", "events:read"], event.customerId)),
  [`GET /api/v1/events/${event.id}`]: () => answer(event),
};
const goodTicket = () => answer({ code: GOOD, eventId: event.id, holderName: "Olof Nyman" });

beforeEach(() => {
  session.begin("token");
  vi.stubGlobal("indexedDB", new IDBFactory());
});
afterEach(() => vi.unstubAllGlobals());

async function openDoor() {
  renderApp(`/check-in/${event.id}`);
  const box = await screen.findByLabelText<HTMLInputElement>("Ticket code");
  await waitFor(() => expect(document.activeElement).toBe(box));
  return box;
}

const verdict = () => screen.getAllByRole("status").map(({ textContent }) => textContent);

test("the box has the focus, Enter checks, and after a bad code the next one works", async () => {
  serveApi({ ...atTheDoor, [checkIn]: goodTicket });
  const box = await openDoor();

  await userEvent.keyboard("https://example.org/menu{Enter}");
  await waitFor(() => expect(verdict().join()).toContain("Not a ticket"));
  expect(document.activeElement).toBe(box);
  expect(box.value).toBe("");

  await userEvent.keyboard("7kq2m9xd4tbapr3w{Enter}");
  await waitFor(() => expect(verdict().join()).toContain("Come in"));
  expect(verdict().join()).toContain("Olof Nyman");
  expect(screen.getByText(/of 488 in/).textContent).toBe("of 488 in");
});

test("what a scanner types goes to the box, whatever was touched before", async () => {
  serveApi({ ...atTheDoor, [checkIn]: goodTicket });
  const box = await openDoor();

  screen.getByRole("button", { name: "Check" }).focus();
  await userEvent.keyboard("7KQ2-M9XD-4TBA-PR3W{Enter}");

  expect(document.activeElement).toBe(box);
  await waitFor(() => expect(verdict().join()).toContain("Come in"));
});

test("a ticket that is in already is told when and by whom", async () => {
  serveApi({
    ...atTheDoor,
    [checkIn]: () =>
      answer(
        {
          code: "already_checked_in",
          checkedInAt: "2026-12-05T18:10:00Z",
          checkedInBy: sampleUser().id,
        },
        409,
      ),
  });
  await openDoor();
  await userEvent.keyboard(`${GOOD}{Enter}`);

  await waitFor(() => expect(verdict().join()).toContain("Already in"));
  expect(verdict().join()).toMatch(/5 Dec 2026.*by you/);
});

test("without network the page says so, keeps the scan and says how many", async () => {
  serveApi(atTheDoor);
  await openDoor();
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("failed to fetch")));

  await userEvent.keyboard(`${GOOD}{Enter}`);

  await waitFor(() => expect(verdict().join()).toContain("Not checked yet"));
  expect(screen.getByText(/No network\. 1 scan kept on this device/)).toBeDefined();
});
