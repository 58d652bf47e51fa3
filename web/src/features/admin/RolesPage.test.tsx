import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { session } from "../../api/session";
import { renderApp } from "../../testing/renderApp";
import { sampleMe } from "../../testing/samples";
import { answer, serveApi } from "../../testing/server";
import { scopesOf, withScopeToggled } from "./scopes";

const permissions = {
  items: [
    { name: "events:read", description: "see events that are not public" },
    { name: "events:update", description: "change, publish and cancel events" },
    { name: "tickets:read", description: "see tickets" },
  ],
  nextCursor: null,
};
const merchSeller = {
  name: "merch-seller",
  description: "Sells shirts",
  permissions: ["events:read:own"],
  builtIn: false,
  holders: 2,
  createdAt: "2026-09-01T08:00:00Z",
  updatedAt: "2026-09-01T08:00:00Z",
};
const asAdmin = {
  "GET /api/v1/users/me": () => answer(sampleMe(["*:*"])),
  "GET /api/v1/permissions": () => answer(permissions),
};

beforeEach(() => session.begin("token"));
afterEach(() => vi.unstubAllGlobals());

const scopeBox = async (permission: string, scope: string) => {
  const group = await screen.findByRole("group", { name: `${permission}, how far it reaches` });
  return within(group).getByRole<HTMLInputElement>("checkbox", { name: scope });
};

test("everywhere contains the narrower scopes, which may stand beside each other", () => {
  const both = withScopeToggled(withScopeToggled([], "events:read", "own"), "events:read", "self");
  expect(both).toEqual(["events:read:own", "events:read:self"]);
  expect(withScopeToggled(both, "events:read", "any")).toEqual(["events:read"]);
  expect(withScopeToggled(["events:read"], "events:read", "own")).toEqual(["events:read:own"]);
  expect(withScopeToggled(["events:read"], "events:read", "any")).toEqual([]);
  expect(scopesOf(["events:read:own", "events:reader"], "events:read")).toEqual(["own"]);
});

test("a role is defined with the scopes that were ticked", async () => {
  const bodies: unknown[] = [];
  serveApi({
    ...asAdmin,
    "POST /api/v1/roles": ({ body }) => {
      bodies.push(body);
      return answer(merchSeller, 201);
    },
    "GET /api/v1/roles/merch-seller": () => answer(merchSeller, 200, { etag: '"1"' }),
  });
  const { router } = renderApp("/admin/roles/new");

  await userEvent.type(await screen.findByLabelText("Name"), "merch-seller");
  await userEvent.type(screen.getByLabelText("Description"), "Sells shirts");
  await userEvent.click(await scopeBox("events:read", "Own customer"));
  await userEvent.click(await scopeBox("tickets:read", "Everywhere"));
  await userEvent.click(screen.getByRole("button", { name: "Define the role" }));

  await waitFor(() => expect(router.state.location.pathname).toBe("/admin/roles/merch-seller"));
  expect(bodies).toEqual([
    { name: "merch-seller", description: "Sells shirts", permissions: ["events:read:own", "tickets:read"] },
  ]);
});

test("a role without permissions or with a name no role can have is not sent", async () => {
  const server = serveApi(asAdmin);
  renderApp("/admin/roles/new");

  await userEvent.type(await screen.findByLabelText("Name"), "Merch Seller");
  await userEvent.click(screen.getByRole("button", { name: "Define the role" }));

  expect(await screen.findByText(/lower-case words joined by hyphens/)).toBeDefined();
  expect(screen.getByText("Choose at least one permission.")).toBeDefined();
  expect(server.count("POST /api/v1/roles")).toBe(0);
});

test("a change that somebody else overtook is not saved over theirs", async () => {
  const isFaster = { ...merchSeller, permissions: ["tickets:read"] };
  let reads = 0;
  serveApi({
    ...asAdmin,
    "GET /api/v1/roles/merch-seller": () => {
      reads += 1;
      return reads === 1 ? answer(merchSeller, 200, { etag: '"1"' }) : answer(isFaster, 200, { etag: '"2"' });
    },
    "PATCH /api/v1/roles/merch-seller": () => answer({ code: "precondition_failed" }, 412),
  });
  renderApp("/admin/roles/merch-seller");

  await userEvent.click(await scopeBox("events:update", "Everywhere"));
  await userEvent.click(screen.getByRole("button", { name: "Save" }));
  expect(await screen.findByText("Somebody else was faster")).toBeDefined();
  await userEvent.click(screen.getByRole("button", { name: "Load what is stored now" }));

  await waitFor(async () => expect((await scopeBox("tickets:read", "Everywhere")).checked).toBe(true));
  expect((await scopeBox("events:update", "Everywhere")).checked).toBe(false);
});

test("a role that is given is not deleted, and the dialog says why", async () => {
  serveApi({
    ...asAdmin,
    "GET /api/v1/roles/merch-seller": () => answer(merchSeller, 200, { etag: '"1"' }),
    "DELETE /api/v1/roles/merch-seller": () =>
      answer({ code: "role_in_use", title: "Conflict", detail: "`merch-seller` is given 2 times" }, 409),
  });
  renderApp("/admin/roles/merch-seller");

  await userEvent.click(await screen.findByRole("button", { name: "Delete the role" }));
  const dialog = await screen.findByRole("dialog", { name: "Delete this role?" });
  await userEvent.click(within(dialog).getByRole("button", { name: "Delete the role" }));

  expect((await within(dialog).findByRole("alert")).textContent).toContain("is given 2 times");
});

test("a built-in role can only be read", async () => {
  serveApi({
    ...asAdmin,
    "GET /api/v1/roles/door": () => answer({ ...merchSeller, name: "door", builtIn: true }),
  });
  renderApp("/admin/roles/door");

  expect(await screen.findByText("Built in")).toBeDefined();
  expect(screen.getByText("Own customer")).toBeDefined();
  expect(screen.queryByRole("checkbox")).toBeNull();
});
