import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { session } from "../../api/session";
import type { BrokerDeadLetter, DeadLetter, MessagesLag, MessagesOverview } from "../../api/types";
import { renderApp } from "../../testing/renderApp";
import { sampleMe } from "../../testing/samples";
import { answer, serveApi } from "../../testing/server";
import { readMessagesSearch, totalsOf } from "./messages";

const overview: MessagesOverview = {
  services: [
    {
      name: "users",
      isReachable: true,
      outbox: { waiting: 3, oldestAt: "2026-11-20T10:00:00Z" },
      consumers: [
        { name: "users.forget", waiting: 0, retrying: 0, deadLetters: 0, oldestAt: null },
        { name: "users.provide", waiting: 7, retrying: 2, deadLetters: 2, oldestAt: "2026-11-20T10:00:00Z" },
      ],
    },
    { name: "events", isReachable: false, outbox: null, consumers: [] },
  ],
  broker: {
    isReachable: true,
    streams: [
      {
        name: "backline_events",
        messages: 1200,
        bytes: 1_430_000,
        oldestAt: "2026-11-20T10:00:00Z",
        newestAt: null,
      },
    ],
    consumers: [
      {
        stream: "backline_events",
        name: "wiki",
        waiting: 4,
        unacknowledged: 2,
        redelivered: 1,
        deadLetters: 2,
        description: "The crew's wiki",
      },
    ],
  },
};

const lag: MessagesLag[] = [
  {
    service: "users",
    consumer: "users.forget",
    points: [{ start: "2026-11-20T10:00:00Z", waiting: 1, deadLetters: 0 }],
  },
  {
    service: "users",
    consumer: "users.provide",
    points: [
      { start: "2026-11-20T10:00:00Z", waiting: 7, deadLetters: 0 },
      { start: "2026-11-20T11:00:00Z", waiting: 40, deadLetters: 2 },
    ],
  },
];

function letter(number: number): DeadLetter {
  const messageId = `0198c0de-0000-7000-8000-00000000000${number}`;
  return {
    service: "users",
    consumer: "users.provide",
    messageId,
    type: "user.created",
    subject: "ada-1",
    source: "users",
    time: "2026-11-20T10:00:00Z",
    receivedAt: "2026-11-20T10:00:00Z",
    triedAt: "2026-11-20T10:15:00Z",
    attempts: 12,
    error: `the role ${number} is not known`,
    message: { id: messageId, data: { email: "ada@example.org" } },
  };
}

function brokerLetter(sequence: number, message: string | null = '{"till":1}'): BrokerDeadLetter {
  return {
    sequence,
    subject: "tills.opened",
    deliveries: 3,
    reason: `not acknowledged after ${sequence} seconds`,
    givenUpAt: "2026-11-20T10:15:00Z",
    message,
    isCut: false,
  };
}

const served = {
  "GET /api/v1/admin/messages": () => answer(overview),
  "GET /api/v1/admin/messages/lag": () => answer({ items: lag, nextCursor: null }),
  "GET /api/v1/admin/messages/dead-letters": () =>
    answer({ items: [letter(1), letter(2)], nextCursor: null, unreachable: ["events"] }),
};
const asWho = (permissions: string[]) => ({ "GET /api/v1/users/me": () => answer(sampleMe(permissions)) });
const asAdmin = asWho(["*:*"]);

beforeEach(() => session.begin("token"));
afterEach(() => vi.unstubAllGlobals());

test("services show what waits, and one that is away is named", async () => {
  serveApi({ ...asAdmin, ...served });
  renderApp("/admin/messages");

  expect(await screen.findByText("Away: events")).toBeDefined();
  const table = within(screen.getByRole("table", { name: "Outboxes and consumers" }));
  expect(within(table.getByRole("row", { name: /users\.provide/ })).getByText("7")).toBeDefined();
  expect(within(table.getByRole("row", { name: /events/ })).getByText("Away")).toBeDefined();
  expect(within(table.getByRole("row", { name: /users outbox/ })).getByText("3")).toBeDefined();
  const given = table.getByRole("link", { name: "2 dead letters of users.provide" });
  expect(given.getAttribute("href")).toContain("part=letters");
  expect(screen.getByRole("link", { name: "Dead letters (4)" })).toBeDefined();
});

test("the curve is that of the consumer with most to do, until another one is chosen", async () => {
  serveApi({ ...asAdmin, ...served });
  const { router } = renderApp("/admin/messages");

  const reader = await screen.findByRole("slider", { name: "Waiting for users.provide, point by point" });
  expect(reader.getAttribute("aria-valuetext")).toContain("40 messages, 2 given up");
  await userEvent.click(screen.getByRole("combobox", { name: "Consumer" }));
  await userEvent.click(await screen.findByRole("option", { name: "users.forget" }));
  expect(
    await screen.findByRole("slider", { name: "Waiting for users.forget, point by point" }),
  ).toBeDefined();
  await userEvent.click(screen.getByRole("link", { name: "7 days" }));
  await waitFor(() => expect(router.state.location.search).toMatchObject({ span: "week" }));
});

test("a curve that cannot be had hides nothing else", async () => {
  serveApi({
    ...asAdmin,
    ...served,
    "GET /api/v1/admin/messages/lag": () =>
      answer({ code: "not_permitted", title: "Not permitted", detail: "not now" }, 403),
  });
  renderApp("/admin/messages");
  expect(await screen.findByText("not now")).toBeDefined();
  expect(screen.getByRole("table", { name: "Outboxes and consumers" })).toBeDefined();
});

test("the broker shows its streams and who receives them", async () => {
  serveApi({ ...asAdmin, ...served });
  renderApp("/admin/messages?part=broker");

  const stream = await screen.findByRole("row", { name: /backline_events 1,200/ });
  expect(within(stream).getByText("1.43 MB")).toBeDefined();
  const consumer = screen.getByRole("row", { name: /wiki/ });
  expect(within(consumer).getByText("The crew's wiki")).toBeDefined();
  const given = within(consumer).getByRole("link", { name: "2 dead letters of wiki" });
  expect(given.getAttribute("href")).toContain("part=letters&stream=backline_events&consumer=wiki");
});

test("a broker that is away and one that there is none of are told apart", async () => {
  const broker = { isReachable: false, streams: [], consumers: [] };
  serveApi({ ...asAdmin, ...served, "GET /api/v1/admin/messages": () => answer({ ...overview, broker }) });
  const { queryClient } = renderApp("/admin/messages?part=broker");
  expect(await screen.findByText("The broker is away")).toBeDefined();

  const none = { ...overview, broker: { ...broker, isReachable: true } };
  serveApi({ ...asAdmin, ...served, "GET /api/v1/admin/messages": () => answer(none) });
  await queryClient.invalidateQueries();
  expect(await screen.findByText("There is no broker")).toBeDefined();
});

test("a dead letter says why, shows the message, and is replayed or dropped", async () => {
  const settled: unknown[] = [];
  let items = [letter(1), letter(2)];
  const settle =
    (deed: string) =>
    ({ body }: { body: unknown }) => {
      settled.push([deed, body]);
      items = items.slice(1);
      return answer({ count: 1 });
    };
  serveApi({
    ...asAdmin,
    ...served,
    "GET /api/v1/admin/messages/dead-letters": () => answer({ items, nextCursor: null, unreachable: [] }),
    "POST /api/v1/admin/messages/dead-letters/replay": settle("replay"),
    "POST /api/v1/admin/messages/dead-letters/drop": settle("drop"),
  });
  renderApp("/admin/messages?part=letters");

  expect(await screen.findByText("the role 1 is not known")).toBeDefined();
  expect(screen.getAllByText(/ada@example\.org/)).toHaveLength(2);
  const which = { service: "users", consumer: "users.provide" };

  await userEvent.click(screen.getAllByRole("button", { name: "Replay" })[0] as HTMLElement);
  let dialog = within(await screen.findByRole("dialog"));
  await userEvent.click(dialog.getByRole("button", { name: "Replay" }));
  await waitFor(() => expect(screen.queryByText("the role 1 is not known")).toBeNull());

  await userEvent.click(await screen.findByRole("button", { name: "Drop" }));
  dialog = within(await screen.findByRole("dialog"));
  expect(dialog.getByText(/forgotten for good/)).toBeDefined();
  await userEvent.click(dialog.getByRole("button", { name: "Drop" }));
  expect(await screen.findByText("No service gave anything up")).toBeDefined();
  expect(screen.getByRole("link", { name: "2 dead letters of wiki" })).toBeDefined();
  expect(settled).toEqual([
    ["replay", { ...which, messageId: letter(1).messageId }],
    ["drop", { ...which, messageId: letter(2).messageId }],
  ]);
});

test("all dead letters of a consumer are dropped at once, and what the server says is shown", async () => {
  const asked: URLSearchParams[] = [];
  const settled: unknown[] = [];
  serveApi({
    ...asAdmin,
    ...served,
    "GET /api/v1/admin/messages/dead-letters": ({ url }) => {
      asked.push(url.searchParams);
      return served["GET /api/v1/admin/messages/dead-letters"]();
    },
    "POST /api/v1/admin/messages/dead-letters/drop": ({ body }) => {
      settled.push(body);
      return answer(
        { code: "no_dead_letter", title: "Not found", detail: "there is no such dead letter" },
        404,
      );
    },
  });
  renderApp("/admin/messages?part=letters&service=users&consumer=users.provide");

  await userEvent.click(await screen.findByRole("button", { name: "Drop all" }));
  const dialog = within(await screen.findByRole("dialog"));
  expect(dialog.getByText("2 dead letters of users.provide")).toBeDefined();
  await userEvent.click(dialog.getByRole("button", { name: "Drop" }));
  expect(await dialog.findByText("there is no such dead letter")).toBeDefined();
  expect(settled).toEqual([{ service: "users", consumer: "users.provide" }]);
  expect(asked[0]?.get("consumer")).toBe("users.provide");
});

test("what a program outside gave up is shown, replayed and dropped in the same way", async () => {
  const settled: unknown[] = [];
  let items = [brokerLetter(7), { ...brokerLetter(9, "x".repeat(9)), isCut: true }, brokerLetter(11, null)];
  const settle =
    (deed: string, left: number) =>
    ({ body }: { body: unknown }) => {
      settled.push([deed, body]);
      items = items.slice(items.length - left);
      return answer({ count: 1 });
    };
  serveApi({
    ...asAdmin,
    ...served,
    "GET /api/v1/admin/messages/broker/dead-letters": () => answer({ items, nextCursor: null }),
    "POST /api/v1/admin/messages/broker/dead-letters/replay": settle("replay", 2),
    "POST /api/v1/admin/messages/broker/dead-letters/drop": settle("drop", 0),
  });
  renderApp("/admin/messages?part=letters&stream=backline_events&consumer=wiki");

  const headings = await screen.findAllByRole("heading", { name: "tills.opened" });
  const first = within(headings[0]?.closest("li") as HTMLElement);
  expect(first.getByText("not acknowledged after 7 seconds")).toBeDefined();
  expect(first.getByText(/, number 7 in backline_events/)).toBeDefined();
  expect(first.getByText(/3 deliveries, given up/)).toBeDefined();
  expect(first.getByLabelText("The message").textContent).toBe('{\n  "till": 1\n}');
  expect(screen.getByText("It is longer: this is its beginning.")).toBeDefined();
  expect(screen.getByText("The broker does not keep the message any more.")).toBeDefined();
  expect(screen.getByRole<HTMLInputElement>("combobox", { name: "Consumer" }).value).toBe("wiki");

  await userEvent.click(first.getByRole("button", { name: "Replay" }));
  let dialog = within(await screen.findByRole("dialog"));
  expect(dialog.getByText(/delivered again, before what is new/)).toBeDefined();
  await userEvent.click(dialog.getByRole("button", { name: "Replay" }));
  await waitFor(() => expect(screen.queryByText("not acknowledged after 7 seconds")).toBeNull());

  await userEvent.click(await screen.findByRole("button", { name: "Drop all" }));
  dialog = within(await screen.findByRole("dialog"));
  expect(dialog.getByText("2 dead letters of wiki")).toBeDefined();
  await userEvent.click(dialog.getByRole("button", { name: "Drop" }));
  expect(await screen.findByText("Nothing was given up here")).toBeDefined();
  const which = { stream: "backline_events", consumer: "wiki" };
  expect(settled).toEqual([
    ["replay", { ...which, sequence: 7 }],
    ["drop", which],
  ]);
});

test("a consumer that is chosen leads to its list, wherever it is kept", async () => {
  serveApi({
    ...asAdmin,
    ...served,
    "GET /api/v1/admin/messages/broker/dead-letters": () =>
      answer({ items: [brokerLetter(7)], nextCursor: null }),
  });
  const { router } = renderApp("/admin/messages?part=letters");
  await userEvent.click(await screen.findByRole("combobox", { name: "Consumer" }));
  await userEvent.click(await screen.findByRole("option", { name: "wiki" }));
  expect(await screen.findByText("not acknowledged after 7 seconds")).toBeDefined();
  expect(router.state.location.search).toEqual({
    part: "letters",
    stream: "backline_events",
    consumer: "wiki",
  });
  expect(screen.queryByText(/Programs outside gave up more/)).toBeNull();
  await userEvent.click(screen.getByRole("combobox", { name: "Consumer" }));
  await userEvent.click(await screen.findByRole("option", { name: "users.provide" }));
  expect(await screen.findByText("the role 1 is not known")).toBeDefined();
});

test.each([
  ["no_consumer", 404, /not at the broker any more/],
  ["dead_letters_not_kept", 409, /Only the embedded broker keeps/],
])("a list that cannot be had says why in its place: %s", async (code, status, says) => {
  serveApi({
    ...asAdmin,
    ...served,
    "GET /api/v1/admin/messages/broker/dead-letters": () => answer({ code, title: "Not so" }, status),
  });
  renderApp("/admin/messages?part=letters&stream=backline_events&consumer=gone");
  expect(await screen.findByText(says)).toBeDefined();
  expect(screen.getByRole("button", { name: "Try again" })).toBeDefined();
  expect(screen.getByRole<HTMLInputElement>("combobox", { name: "Consumer" }).value).toBe("gone");
  expect(screen.queryByText("Nothing was given up here")).toBeNull();
});

test("who may look and not act has no buttons", async () => {
  serveApi({ ...asWho(["messages:read"]), ...served });
  renderApp("/admin/messages?part=letters&service=users&consumer=users.provide");
  expect(await screen.findByText("the role 1 is not known")).toBeDefined();
  for (const name of ["Replay", "Drop", "Replay all", "Drop all"]) {
    expect(screen.queryByRole("button", { name })).toBeNull();
  }
  expect(screen.getAllByRole("link", { name: "Messages" }).length).toBeGreaterThan(0);
});

test("what stands in the address is read with care, and sums are sums", () => {
  expect(
    readMessagesSearch({ part: "letters", span: "week", service: "a", stream: "c", consumer: "b" }),
  ).toEqual({
    part: "letters",
    span: "week",
    service: "a",
    stream: "c",
    consumer: "b",
  });
  expect(readMessagesSearch({ part: "toString", span: "day", service: 7 })).toEqual({});
  expect(totalsOf(overview.services)).toEqual({ waiting: 10, retrying: 2, deadLetters: 2, away: ["events"] });
});
