import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { session } from "../../api/session";
import { answer, serveApi } from "../../testing/server";
import { Door } from "./Door";
import { openScanQueue } from "./scanQueue";

const EVENT = "0198c0de-0000-7000-8000-0000000000e1";
const ME = "0198c0de-0000-7000-8000-000000000001";
const GOOD = "7KQ2-M9XD-4TBA-PR3W";
const OTHER = "8KQ2-M9XD-4TBA-PR3W";
const checkInAt = (code: string) => `POST /api/v1/tickets/${code}/check-in`;

beforeEach(() => {
  session.begin("token");
  vi.stubGlobal("indexedDB", new IDBFactory());
});
afterEach(() => vi.unstubAllGlobals());

const openDoor = () => new Door({ eventId: EVENT, myId: ME });
const verdicts = (door: Door) => door.getState().scans.map(({ code, verdict }) => [code, verdict.kind]);
const ticket = (code: string) => ({
  code,
  eventId: EVENT,
  holderName: "Ada Lind",
  status: "valid",
});

function goOffline() {
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("failed to fetch")));
}

test("a valid ticket is let in, with its holder's name", async () => {
  serveApi({ [checkInAt(GOOD)]: () => answer(ticket(GOOD)) });
  const door = openDoor();
  await door.scan("7kq2m9xd4tbapr3w");
  expect(door.getState().scans[0]).toMatchObject({
    code: GOOD,
    verdict: { kind: "in", holderName: "Ada Lind" },
  });
});

test("it goes on after codes that are bad in every way", async () => {
  const server = serveApi({
    [checkInAt(OTHER)]: () => answer({ code: "ticket_not_found" }, 404),
    [checkInAt("9KQ2-M9XD-4TBA-PR3W")]: () => answer({ code: "internal" }, 500),
    [checkInAt("AKQ2-M9XD-4TBA-PR3W")]: () => answer({ code: "ticket_cancelled" }, 409),
    [checkInAt(GOOD)]: () => answer(ticket(GOOD)),
  });
  const door = openDoor();
  for (const text of ["", "{not a code}", OTHER, "9KQ2-M9XD-4TBA-PR3W", "AKQ2-M9XD-4TBA-PR3W", GOOD]) {
    await door.scan(text);
  }
  expect(verdicts(door)).toEqual([
    [GOOD, "in"],
    ["AKQ2-M9XD-4TBA-PR3W", "refused"],
    ["9KQ2-M9XD-4TBA-PR3W", "failed"],
    [OTHER, "refused"],
    ["{not a code}", "refused"],
    ["", "refused"],
  ]);
  expect(server.calls).toHaveLength(4);
});

test("a ticket that is in already says when and by whom", async () => {
  serveApi({
    [checkInAt(GOOD)]: () =>
      answer({ code: "already_checked_in", checkedInAt: "2026-12-05T18:10:00Z", checkedInBy: ME }, 409),
  });
  const door = openDoor();
  await door.scan(GOOD);
  expect(door.getState().scans[0]?.verdict).toEqual({
    kind: "already",
    at: "2026-12-05T18:10:00Z",
    by: ME,
  });
});

test("a ticket for another event is refused, with the event it is for", async () => {
  const sent: unknown[] = [];
  serveApi({
    [checkInAt(GOOD)]: ({ body }) => {
      sent.push(body);
      return answer({ code: "ticket_of_other_event", eventId: "another" }, 409);
    },
  });
  const door = openDoor();
  await door.scan(GOOD);
  const [scan] = door.getState().scans;
  expect(sent).toEqual([{ eventId: EVENT, scannedAt: scan?.at }]);
  expect(scan?.verdict).toEqual({ kind: "refused", reason: "otherEvent", eventId: "another" });
});

test("scans without network wait with their time and are sent, oldest first, when it is back", async () => {
  goOffline();
  const door = openDoor();
  await door.scan(GOOD);
  await door.scan(OTHER);
  expect(door.getState()).toMatchObject({ waiting: 2, isOffline: true });
  expect(verdicts(door)).toEqual([
    [OTHER, "waiting"],
    [GOOD, "waiting"],
  ]);

  const server = serveApi({
    [checkInAt(GOOD)]: () => answer(ticket(GOOD)),
    [checkInAt(OTHER)]: () => answer({ code: "ticket_cancelled" }, 409),
  });
  await door.sendWaiting();

  expect(server.calls).toEqual([checkInAt(GOOD), checkInAt(OTHER)]);
  expect(door.getState()).toMatchObject({ waiting: 0, isOffline: false, isSending: false });
  expect(verdicts(door)).toEqual([
    [OTHER, "refused"],
    [GOOD, "in"],
  ]);
});

test("the same ticket twice without network is told at once", async () => {
  goOffline();
  const door = openDoor();
  await door.scan(GOOD);
  await door.scan(GOOD);
  expect(verdicts(door)).toEqual([
    [GOOD, "already"],
    [GOOD, "waiting"],
  ]);
  expect(door.getState().waiting).toBe(1);
});

test("what waits outlasts the page", async () => {
  goOffline();
  await openDoor().scan(GOOD);

  serveApi({ [checkInAt(GOOD)]: () => answer(ticket(GOOD)) });
  const reopened = openDoor();
  const close = reopened.open();
  await vi.waitFor(() => expect(verdicts(reopened)).toEqual([[GOOD, "in"]]));
  close();
  expect(await (await openScanQueue()).list(EVENT)).toEqual([]);
});

test("an answer that got lost on its way does not turn its guest away", async () => {
  goOffline();
  const door = openDoor();
  await door.scan(GOOD);
  serveApi({
    [checkInAt(GOOD)]: () =>
      answer({ code: "already_checked_in", checkedInAt: new Date().toISOString(), checkedInBy: ME }, 409),
  });
  await door.sendWaiting();
  expect(verdicts(door)).toEqual([[GOOD, "in"]]);
});

test("sending stops where the network goes away again", async () => {
  goOffline();
  const door = openDoor();
  await door.scan(GOOD);
  await door.scan(OTHER);
  serveApi({
    [checkInAt(GOOD)]: () => answer(ticket(GOOD)),
    [checkInAt(OTHER)]: () => answer({ code: "unavailable" }, 503),
  });
  await door.sendWaiting();
  expect(door.getState()).toMatchObject({ waiting: 1, isSending: false });
  expect(verdicts(door)).toEqual([
    [OTHER, "waiting"],
    [GOOD, "in"],
  ]);
});

test("a fault of the server is no verdict on a scan that waits", async () => {
  goOffline();
  const door = openDoor();
  await door.scan(GOOD);
  await door.scan(OTHER);
  serveApi({
    [checkInAt(GOOD)]: () => answer({ code: "internal" }, 500),
    [checkInAt(OTHER)]: () => answer(ticket(OTHER)),
  });
  await door.sendWaiting();
  expect(verdicts(door)).toEqual([
    [OTHER, "in"],
    [GOOD, "waiting"],
  ]);
  expect(door.getState().waiting).toBe(1);
});

test("nothing is sent twice when the network comes back twice at once", async () => {
  goOffline();
  const door = openDoor();
  await door.scan(GOOD);
  const server = serveApi({ [checkInAt(GOOD)]: () => answer(ticket(GOOD)) });
  await Promise.all([door.sendWaiting(), door.sendWaiting()]);
  expect(server.count(checkInAt(GOOD))).toBe(1);
});

test("a network that goes away while the queue is read is away", async () => {
  const door = openDoor();
  const isOnline = vi.spyOn(navigator, "onLine", "get");
  isOnline.mockReturnValueOnce(true).mockReturnValue(false);
  await door.sendWaiting();
  isOnline.mockRestore();
  expect(door.getState()).toMatchObject({ isOffline: true, isSending: false });
});

test("each event has its own queue", async () => {
  const queue = await openScanQueue();
  await queue.add({ id: "1", eventId: "one", code: GOOD, at: "2026-12-05T18:00:01Z" });
  await queue.add({ id: "2", eventId: "two", code: GOOD, at: "2026-12-05T18:00:00Z" });
  await queue.add({ id: "3", eventId: "one", code: OTHER, at: "2026-12-05T17:00:00Z" });
  expect((await queue.list("one")).map(({ id }) => id)).toEqual(["3", "1"]);
});
