import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { session } from "../../api/session";
import type { AuditEntry } from "../../api/types";
import { renderApp } from "../../testing/renderApp";
import { sampleMe, sampleUser } from "../../testing/samples";
import { answer, serveApi } from "../../testing/server";
import { objectOf, partyOf, wordsFor } from "./audit";

const CUSTOMER = "0198c0de-0000-7000-8000-0000000000c1";
const ADA = sampleUser().id;

function entry(fields: Partial<AuditEntry> = {}): AuditEntry {
  return {
    id: "0198c0de-0000-7000-8000-0000000000d1",
    at: "2026-11-20T10:00:00Z",
    firstAt: null,
    service: "users",
    action: "roles:assign",
    outcome: "done",
    actor: { kind: "user", id: ADA, label: "ada@example.org" },
    on: { kind: "Account", id: "0198c0de-0000-7000-8000-0000000000b1" },
    customerId: null,
    address: "203.0.113.9",
    agent: null,
    details: { email: "ben@example.org", role: "door" },
    count: 1,
    ...fields,
  };
}

const denial = entry({
  id: "0198c0de-0000-7000-8000-0000000000d2",
  action: "events:update",
  outcome: "denied",
  service: "events",
  on: { kind: "Event", id: "*" },
  customerId: CUSTOMER,
  count: 3,
  firstAt: "2026-11-20T09:59:00Z",
  details: {
    why: "the roles permit it in other customers, not here",
    needs: "events:update",
    holds: { everywhere: false, customers: [CUSTOMER], own: false },
    forbiddenBy: ["sealed"],
  },
});

const customer = { id: CUSTOMER, name: "Quayside Concerts", isActive: true, customerType: "organiser" };
const asAdmin = {
  "GET /api/v1/users/me": () => answer(sampleMe(["*:*"])),
  "GET /api/v1/customers": () => answer({ items: [customer], nextCursor: null }),
  "GET /api/v1/permissions": () =>
    answer({ items: [{ name: "events:update", description: "change events" }], nextCursor: null }),
};

beforeEach(() => session.begin("token"));
afterEach(() => vi.unstubAllGlobals());

test("an entry says what, who and how it ended, and opens with the reason of a denial", async () => {
  serveApi({
    ...asAdmin,
    "GET /api/v1/audit": () => answer({ items: [entry(), denial], nextCursor: null }),
  });
  renderApp("/admin/audit");

  const given = await screen.findByRole("row", { name: /Gave a role/ });
  expect(within(given).getByText("ben@example.org: door")).toBeDefined();
  expect(within(given).getByText("203.0.113.9")).toBeDefined();
  expect(within(given).getByText(/2026/).title).toBe("2026-11-20 10:00:00 UTC");
  expect(within(screen.getByRole("row", { name: /events:update/ })).getByText("Denied ×3")).toBeDefined();

  await userEvent.click(screen.getByRole("button", { name: "Was not permitted: events:update" }));
  const dialog = within(await screen.findByRole("dialog"));
  expect(dialog.getByText("The roles permit it in other customers, not here.")).toBeDefined();
  expect(dialog.getByText(/which they hold in Quayside Concerts/)).toBeDefined();
  expect(dialog.getByText("sealed")).toBeDefined();
  const check = dialog.getByRole("link", { name: "Check what would permit it now" });
  expect(check.getAttribute("href")).toContain("permission=events%3Aupdate");
});

test("the filters of the address are asked for, days as they are where the reader is", async () => {
  const asked: URLSearchParams[] = [];
  serveApi({
    ...asAdmin,
    "GET /api/v1/audit": ({ url }) => {
      asked.push(url.searchParams);
      return answer({ items: [], nextCursor: null });
    },
  });
  const { router } = renderApp(
    "/admin/audit?actor=ada%40example.org&outcome=denied&from=2026-11-20&to=2026-11-20",
  );

  expect(await screen.findByText("Nothing fits")).toBeDefined();
  const query = asked[0];
  expect(query?.get("actor")).toBe("ada@example.org");
  expect(query?.get("outcome")).toBe("denied");
  const [from, to] = [query?.get("from"), query?.get("to")].map((day) => new Date(day ?? ""));
  expect([from?.getHours(), to?.getHours()]).toEqual([0, 0]);
  expect((to?.getTime() ?? 0) - (from?.getTime() ?? 0)).toBe(86_400_000);

  await userEvent.clear(screen.getByLabelText("Who"));
  await userEvent.type(screen.getByLabelText("Who"), "ben@example.org{enter}");
  await waitFor(() => expect(router.state.location.search).toMatchObject({ actor: "ben@example.org" }));
  await userEvent.click(screen.getByRole("link", { name: "Show everything" }));
  expect(await screen.findByText("Nothing on record yet")).toBeDefined();
  expect([...(asked.at(-1)?.keys() ?? [])]).toEqual([]);
});

test("further entries are loaded after the first page", async () => {
  serveApi({
    ...asAdmin,
    "GET /api/v1/audit": ({ url }) =>
      url.searchParams.get("cursor") === "next"
        ? answer({ items: [denial], nextCursor: null })
        : answer({ items: [entry()], nextCursor: "next" }),
  });
  renderApp("/admin/audit");

  await userEvent.click(await screen.findByRole("button", { name: "Show more" }));
  expect(await screen.findByText("Denied ×3")).toBeDefined();
  expect(screen.queryByRole("button", { name: "Show more" })).toBeNull();
});

test("an export takes the same filters, and what the server says of too many is shown", async () => {
  const asked: string[] = [];
  serveApi({
    ...asAdmin,
    "GET /api/v1/audit": () => answer({ items: [entry()], nextCursor: null }),
    "GET /api/v1/audit/export": ({ url }) => {
      asked.push(url.search);
      return asked.length > 1
        ? answer({ code: "too_many_entries", title: "Too many", detail: "more than 100000" }, 422)
        : new Response("at,firstAt\r\n", { headers: { "content-type": "text/csv" } });
    },
  });
  const saved: string[] = [];
  URL.createObjectURL = () => "blob:audit";
  URL.revokeObjectURL = () => {};
  vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
    saved.push(this.download);
  });
  renderApp("/admin/audit?outcome=done");

  await userEvent.click(await screen.findByRole("button", { name: "Export as CSV" }));
  await waitFor(() => expect(saved).toEqual(["audit.csv"]));
  expect(asked[0]).toBe("?outcome=done&format=csv");
  await userEvent.click(screen.getByRole("button", { name: "Export as JSON lines" }));
  expect((await screen.findByRole("alert")).textContent).toContain("choose a shorter time");
  vi.restoreAllMocks();
});

test("who may not read the log is told so", async () => {
  serveApi({
    ...asAdmin,
    "GET /api/v1/audit": () => answer({ code: "not_permitted", title: "Forbidden", detail: "no" }, 403),
  });
  renderApp("/admin/audit");
  expect(await screen.findByText("Forbidden")).toBeDefined();
});

test("why somebody may not do something is explained, with what would permit it", async () => {
  const asked: string[] = [];
  serveApi({
    ...asAdmin,
    "GET /api/v1/users": () => answer({ items: [sampleUser()], nextCursor: null }),
    [`GET /api/v1/users/${ADA}/permissions/explanation`]: ({ url }) => {
      asked.push(url.search);
      return answer({
        userId: ADA,
        permission: "events:update",
        customerId: CUSTOMER,
        isActive: true,
        isPermitted: false,
        isPermittedForOwn: false,
        sources: [
          { role: "door", customerId: null, listed: "events:update:own", reach: "nothing", isEnough: false },
        ],
        remedies: [{ role: "organiser-admin", customerId: CUSTOMER }],
      });
    },
  });
  renderApp(
    `/admin/audit/permission?user=ada%40example.org&permission=events%3Aupdate&customerId=${CUSTOMER}`,
  );

  expect(await screen.findByRole("heading", { name: "Ada Lind may not" })).toBeDefined();
  expect(asked).toEqual([`?permission=events%3Aupdate&customerId=${CUSTOMER}`]);
  expect(screen.getByText(/reaches nothing/)).toBeDefined();
  expect(screen.getByText(/given in Quayside Concerts/)).toBeDefined();
});

test("a question is asked for completely, and nobody with that address is nobody", async () => {
  serveApi({ ...asAdmin, "GET /api/v1/users": () => answer({ items: [], nextCursor: null }) });
  renderApp("/admin/audit/permission");

  await userEvent.click(await screen.findByRole("button", { name: "Check" }));
  expect(await screen.findByText("Enter an email address.")).toBeDefined();
  expect(screen.getByText("Choose a permission.")).toBeDefined();
  await userEvent.type(screen.getByLabelText("Who"), "ghost@example.org");
  await userEvent.click(screen.getByRole("combobox", { name: "Permission" }));
  await userEvent.click(await screen.findByText("events:update"));
  await userEvent.click(screen.getByRole("button", { name: "Check" }));
  expect(await screen.findByText("Nobody has this address")).toBeDefined();
});

test("who and what are named as people know them", () => {
  const by = (actor: AuditEntry["actor"]) => partyOf(entry({ actor }));
  expect(by({ kind: "anonymous", id: null, label: null })).toBe("Nobody signed in");
  expect(by({ kind: "service", id: "users", label: null })).toBe("Service users");
  expect(by({ kind: "operator", id: null, label: null })).toBe("The command line");
  expect(by({ kind: "client", id: "7", label: null })).toBe("7");
  expect(objectOf(entry({ details: {} }))).toBe("Account 0198c0de…");
  expect(objectOf(entry({ details: {}, on: { kind: "Event", id: "*" } }))).toBe("Event: several");
  expect(objectOf(entry({ details: {}, on: null }))).toBe("");
  expect(wordsFor({ action: "sessions:create", outcome: "failed" })).toBe("Sign-in in vain");
  expect(wordsFor({ action: "plugins:add", outcome: "done" })).toBe("plugins:add");
});
