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
  post_logout_redirect_uris: [],
  backchannel_logout_session_required: false,
  dpop_bound_access_tokens: false,
  id_token_signed_response_alg: "EdDSA",
  contacts: ["shop@example.org"],
  backline_permissions: [],
  backline_first_party: false,
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
      post_logout_redirect_uris: [],
      dpop_bound_access_tokens: false,
      id_token_signed_response_alg: "RS256",
      backline_permissions: [],
      backline_first_party: false,
    },
  ]);
});

test("a device has neither addresses nor a secret, and its settings are kept", async () => {
  const bodies: unknown[] = [];
  serveApi({
    ...asAdmin,
    "POST /oauth/register": ({ body }) => {
      bodies.push(body);
      return answer(shop, 201);
    },
  });
  renderApp("/admin/programs/new");

  await userEvent.type(await screen.findByLabelText("Name"), "Hall screen");
  await userEvent.click(screen.getByRole("radio", { name: "Device without a browser" }));
  expect(screen.queryByLabelText("Redirect addresses")).toBeNull();
  await userEvent.click(screen.getByText("More settings"));
  expect(screen.queryByLabelText("How it proves who it is")).toBeNull();
  await userEvent.click(screen.getByLabelText("Its access tokens work only with its key"));
  await userEvent.click(screen.getByRole("button", { name: "Register" }));

  await waitFor(() => expect(bodies).toHaveLength(1));
  expect(bodies[0]).toMatchObject({
    grant_types: ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
    token_endpoint_auth_method: "none",
    redirect_uris: [],
    dpop_bound_access_tokens: true,
  });
});

test("keys that are none are refused where they stand", async () => {
  const byKey = { ...shop, token_endpoint_auth_method: "private_key_jwt", jwks: { keys: [{ kty: "OKP" }] } };
  const bodies: unknown[] = [];
  serveApi({
    ...asAdmin,
    [`GET /oauth/register/${ID}`]: () => answer(byKey),
    [`PUT /oauth/register/${ID}`]: ({ body }) => {
      bodies.push(body);
      return answer(body);
    },
  });
  renderApp(`/admin/programs/${ID}`);

  const keys = await screen.findByLabelText("Its public keys");
  await userEvent.clear(keys);
  await userEvent.type(keys, "none");
  await userEvent.click(screen.getByRole("button", { name: "Save" }));
  expect(await screen.findByText('Enter a JSON object with the list "keys".')).toBeDefined();
  await userEvent.clear(keys);
  await userEvent.paste('{ "keys": [{ "kty": "EC" }] }');
  await userEvent.click(screen.getByRole("button", { name: "Save" }));

  expect(await screen.findByText("Saved")).toBeDefined();
  expect(bodies).toEqual([{ ...byKey, jwks: { keys: [{ kty: "EC" }] } }]);
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
