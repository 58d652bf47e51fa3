import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { session } from "../../api/session";
import type { Passkey } from "../../api/types";
import { madeCredential, stubAuthenticator } from "../../testing/authenticator";
import { renderApp } from "../../testing/renderApp";
import { sampleMe, samplePasskey, sampleSecurity } from "../../testing/samples";
import { answer, serveApi } from "../../testing/server";

beforeEach(() => session.begin("token"));
afterEach(() => vi.unstubAllGlobals());

const none = { items: [], nextCursor: null };
const account = {
  "GET /api/v1/users/me": () => answer(sampleMe()),
  "GET /api/v1/auth/sessions": () => answer(none),
  "GET /api/v1/auth/consents": () => answer(none),
  "GET /api/v1/users/me/passkeys": () => answer(none),
  "GET /api/v1/users/me/security": () => answer(sampleSecurity()),
};

async function openDialog(button: string) {
  await userEvent.click(await screen.findByRole("button", { name: button }));
  return within(await screen.findByRole("dialog"));
}

test("a passkey is made by the browser and added under its name", async () => {
  const passkeys: Passkey[] = [];
  const asked = stubAuthenticator();
  serveApi({
    ...account,
    "GET /api/v1/users/me/passkeys": () => answer({ items: passkeys, nextCursor: null }),
    "POST /api/v1/users/me/passkeys/challenge": ({ body }) => {
      expect(body).toEqual({ password: "a long password" });
      const excludeCredentials = [{ id: "AQ", type: "public-key" }];
      return answer({ publicKey: { challenge: "AQID", user: { id: "AQ" }, excludeCredentials } });
    },
    "POST /api/v1/users/me/passkeys": ({ body }) => {
      expect(body).toEqual({ name: "My phone", credential: madeCredential });
      passkeys.push(samplePasskey());
      return answer(samplePasskey(), 201);
    },
  });
  renderApp("/account");

  expect(await screen.findByText("You have no passkey yet.")).toBeDefined();
  const dialog = await openDialog("Add a passkey");
  const name = dialog.getByLabelText("Name");
  await userEvent.clear(name);
  await userEvent.type(name, " My phone ");
  await userEvent.type(dialog.getByLabelText("Your password"), "a long password");
  await userEvent.click(dialog.getByRole("button", { name: "Go on" }));

  expect(await screen.findByText(/“My phone” opens your account/)).toBeDefined();
  expect(await screen.findByRole("table", { name: "Your passkeys" })).toBeDefined();
  expect(asked).toEqual([new Uint8Array([1, 2, 3])]);
});

test("nothing is added when the browser makes none, and the dialog says why", async () => {
  const asked = stubAuthenticator();
  const server = serveApi({
    ...account,
    "POST /api/v1/users/me/passkeys/challenge": () =>
      answer({ publicKey: { challenge: "AQID", user: { id: "AQ" } } }),
  });
  renderApp("/account");
  const dialog = await openDialog("Add a passkey");
  await userEvent.type(dialog.getByLabelText("Your password"), "a long password");
  for (const [name, words] of [
    ["NotAllowedError", /No passkey was used/],
    ["InvalidStateError", /There is a passkey already/],
    ["SecurityError", /The passkey did not work/],
  ] as const) {
    asked.failure = new DOMException("no", name);
    await userEvent.click(dialog.getByRole("button", { name: "Go on" }));
    expect(await dialog.findByText(words)).toBeDefined();
  }
  expect(server.count("POST /api/v1/users/me/passkeys")).toBe(0);
});

test("a passkey is renamed, and taken away with the password", async () => {
  const passkeys = [samplePasskey()];
  stubAuthenticator();
  const own = `/api/v1/users/me/passkeys/${samplePasskey().id}`;
  serveApi({
    ...account,
    "GET /api/v1/users/me/passkeys": () => answer({ items: passkeys, nextCursor: null }),
    [`PATCH ${own}`]: ({ body }) => {
      passkeys[0] = samplePasskey({ name: (body as { name: string }).name });
      return answer(passkeys[0]);
    },
    [`DELETE ${own}`]: ({ body }) => {
      expect(body).toEqual({ password: "a long password" });
      passkeys.length = 0;
      return new Response(null, { status: 204 });
    },
  });
  renderApp("/account");

  const renaming = await openDialog("Rename My phone");
  await userEvent.clear(renaming.getByLabelText("Name"));
  await userEvent.type(renaming.getByLabelText("Name"), "Old phone");
  await userEvent.click(renaming.getByRole("button", { name: "Rename" }));
  const removal = await openDialog("Remove Old phone");
  await userEvent.type(removal.getByLabelText("Your password"), "a long password");
  await userEvent.click(removal.getByRole("button", { name: "Remove" }));

  expect(await screen.findByText("You have no passkey yet.")).toBeDefined();
});

test("where there can be no passkeys the page says what to do", async () => {
  let passkeyOrigin: string | null = null;
  serveApi({
    ...account,
    "GET /api/v1/users/me/security": () => answer(sampleSecurity({ passkeyOrigin })),
  });
  for (const [origin, words] of [
    [null, /can give it a name and HTTPS/],
    ["http://localhost:5000", /Browsers have no passkeys for this address/],
    [location.origin, /This browser has no passkeys/],
  ] as const) {
    passkeyOrigin = origin;
    renderApp("/account");
    expect(await screen.findByText(words)).toBeDefined();
    expect(screen.queryByRole("button", { name: "Add a passkey" })).toBeNull();
  }
  const address = screen.getByRole("link", { name: "http://localhost:5000/account" });
  expect(address.getAttribute("href")).toBe("http://localhost:5000/account");
});
