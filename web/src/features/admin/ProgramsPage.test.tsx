import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { session } from "../../api/session";
import { renderApp } from "../../testing/renderApp";
import { sampleMe } from "../../testing/samples";
import { answer, serveApi } from "../../testing/server";

const ID = "0198c0de-0000-7000-8000-0000000000f1";
const shop = {
  client_id: ID,
  client_id_issued_at: 1_788_249_600,
  client_name: "Fan shop",
  token_endpoint_auth_method: "client_secret_basic",
  grant_types: ["authorization_code", "refresh_token"],
  scope: "openid profile email",
  redirect_uris: ["https://shop.example.org/signed-in"],
  id_token_signed_response_alg: "EdDSA",
  backline_permissions: [],
  backline_active: true,
};
const asAdmin = {
  "GET /api/v1/users/me": () => answer(sampleMe(["*:*"])),
  "GET /api/v1/permissions": () =>
    answer({ items: [{ name: "events:read", description: "see events" }], nextCursor: null }),
  "GET /oauth/register": () => answer({ items: [shop] }),
  [`GET /oauth/register/${ID}`]: () => answer(shop),
};

beforeEach(() => session.begin("token"));
afterEach(() => vi.unstubAllGlobals());

test("a program is registered with its addresses, and its secret is shown", async () => {
  const bodies: unknown[] = [];
  serveApi({
    ...asAdmin,
    "POST /oauth/register": ({ body, token }) => {
      expect(token).toBe("token");
      bodies.push(body);
      return answer({ ...shop, client_secret: "s3cret" }, 201);
    },
  });
  renderApp("/admin/programs/new");

  await userEvent.type(await screen.findByLabelText("Name"), " Fan shop ");
  await userEvent.click(screen.getByRole("button", { name: "Register" }));
  expect(await screen.findByText("Enter at least one address.")).toBeDefined();
  await userEvent.type(
    screen.getByLabelText("Redirect addresses"),
    "https://a.example{enter}https://b.example",
  );
  await userEvent.click(screen.getByRole("button", { name: "Register" }));

  expect(await screen.findByText("s3cret")).toBeDefined();
  expect(screen.getByText(ID)).toBeDefined();
  expect(bodies).toEqual([
    {
      client_name: "Fan shop",
      token_endpoint_auth_method: "client_secret_basic",
      grant_types: ["authorization_code", "refresh_token"],
      scope: "openid profile email",
      redirect_uris: ["https://a.example", "https://b.example"],
      backline_permissions: [],
    },
  ]);
});

test("what the server says of a registration is shown", async () => {
  serveApi({
    ...asAdmin,
    "POST /oauth/register": () =>
      answer({ error: "invalid_client_metadata", error_description: "`http://a` must use https" }, 400),
  });
  renderApp("/admin/programs/new");

  await userEvent.type(await screen.findByLabelText("Name"), "Fan shop");
  await userEvent.type(screen.getByLabelText("Redirect addresses"), "http://a");
  await userEvent.click(screen.getByRole("button", { name: "Register" }));

  expect((await screen.findByRole("alert")).textContent).toContain("`http://a` must use https");
});

test("disabling sends the whole registration back, also what this page does not know", async () => {
  const bodies: unknown[] = [];
  serveApi({
    ...asAdmin,
    [`PUT /oauth/register/${ID}`]: ({ body }) => {
      bodies.push(body);
      return answer(body);
    },
  });
  renderApp(`/admin/programs/${ID}`);

  await userEvent.click(await screen.findByRole("button", { name: "Disable" }));
  const dialog = within(await screen.findByRole("dialog"));
  await userEvent.click(dialog.getByRole("button", { name: "Disable" }));

  expect(await screen.findByText("Disabled")).toBeDefined();
  expect(bodies).toEqual([{ ...shop, backline_active: false }]);
});

test("a removed program is gone from the list", async () => {
  let items = [shop];
  serveApi({
    ...asAdmin,
    "GET /oauth/register": () => answer({ items }),
    [`DELETE /oauth/register/${ID}`]: () => {
      items = [];
      return new Response(null, { status: 204 });
    },
  });
  const { router } = renderApp(`/admin/programs/${ID}`);

  await userEvent.click(await screen.findByRole("button", { name: "Remove the program" }));
  const dialog = within(await screen.findByRole("dialog"));
  await userEvent.click(dialog.getByRole("button", { name: "Remove the program" }));

  await waitFor(() => expect(router.state.location.pathname).toBe("/admin/programs"));
  expect(await screen.findByText("No programs yet")).toBeDefined();
});
