import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { session } from "../../api/session";
import { renderApp } from "../../testing/renderApp";
import { sampleMe, sampleSecurity } from "../../testing/samples";
import { answer, serveApi } from "../../testing/server";

beforeEach(() => session.begin("token"));
afterEach(() => vi.unstubAllGlobals());

const none = { items: [], nextCursor: null };
const consent = {
  clientId: "0198c0de-0000-7000-8000-0000000000f1",
  clientName: "Set list",
  scopes: ["openid", "offline_access"],
  givenAt: "2026-09-01T08:00:00Z",
};
const account = {
  "GET /api/v1/users/me": () => answer(sampleMe()),
  "GET /api/v1/auth/sessions": () => answer(none),
  "GET /api/v1/auth/consents": () => answer(none),
  "GET /api/v1/users/me/passkeys": () => answer(none),
  "GET /api/v1/users/me/security": () => answer(sampleSecurity()),
};

test("a wrong present password is told at its field", async () => {
  serveApi({
    ...account,
    "POST /api/v1/users/me/password": () =>
      answer({ errors: [{ field: "currentPassword", message: "is not the password of this account" }] }, 422),
  });
  renderApp("/account");

  await userEvent.click(await screen.findByRole("button", { name: "Change the password" }));
  const dialog = within(await screen.findByRole("dialog"));
  await userEvent.type(dialog.getByLabelText("Your present password"), "wrong");
  await userEvent.type(dialog.getByLabelText("New password"), "gulls over the harbour");
  await userEvent.click(dialog.getByRole("button", { name: "Change the password" }));

  expect(await dialog.findByText("is not the password of this account")).toBeDefined();
});

test("the letter is sent again to the present address while it is not confirmed", async () => {
  serveApi({
    ...account,
    "GET /api/v1/users/me/security": () => answer(sampleSecurity({ emailVerified: false })),
    "POST /api/v1/users/me/email": ({ body }) => {
      expect(body).toEqual({ password: "a long password", newEmail: "ada@example.org" });
      return new Response(null, { status: 202 });
    },
  });
  renderApp("/account");

  await userEvent.click(await screen.findByRole("button", { name: "Send the letter again" }));
  const dialog = within(await screen.findByRole("dialog"));
  await userEvent.type(dialog.getByLabelText("Your password"), "a long password");
  await userEvent.click(dialog.getByRole("button", { name: "Send the letter" }));

  expect(await screen.findByText("A letter is on its way to ada@example.org.")).toBeDefined();
});

test("an authenticator counts once a code of it was entered, and its recovery codes are shown", async () => {
  let hasTotp = false;
  serveApi({
    ...account,
    "GET /api/v1/users/me/security": () => answer(sampleSecurity({ hasTotp, recoveryCodesLeft: 2 })),
    "POST /api/v1/users/me/totp": () =>
      answer({
        secret: "JBSWY3DPEHPK3PXP",
        otpauthUri: "otpauth://totp/Backline:ada?secret=JBSWY3DPEHPK3PXP",
      }),
    "POST /api/v1/users/me/totp/confirm": ({ body }) => {
      if ((body as { code: string }).code !== "123456") {
        return answer({ errors: [{ field: "code", message: "is not the code that is shown now" }] }, 422);
      }
      hasTotp = true;
      return answer({ recoveryCodes: ["aaaa-bbbb", "cccc-dddd"] });
    },
  });
  renderApp("/account");

  await userEvent.click(await screen.findByRole("button", { name: "Set up an authenticator" }));
  const dialog = within(await screen.findByRole("dialog"));
  await userEvent.type(dialog.getByLabelText("Your password"), "a long password");
  await userEvent.click(dialog.getByRole("button", { name: "Go on" }));
  expect(await dialog.findByText("JBSWY3DPEHPK3PXP")).toBeDefined();
  await userEvent.type(dialog.getByLabelText("Code"), "654321");
  await userEvent.click(dialog.getByRole("button", { name: "Confirm" }));
  expect(await dialog.findByText("is not the code that is shown now")).toBeDefined();
  await userEvent.clear(dialog.getByLabelText("Code"));
  await userEvent.type(dialog.getByLabelText("Code"), "123 456");
  await userEvent.click(dialog.getByRole("button", { name: "Confirm" }));

  expect(await dialog.findByText("cccc-dddd")).toBeDefined();
  const file = dialog.getByRole("link", { name: "Download" }).getAttribute("href") ?? "";
  expect(decodeURIComponent(file)).toContain("aaaa-bbbb\ncccc-dddd\n");
  await userEvent.click(dialog.getByRole("button", { name: "I have kept them" }));
  expect(await screen.findByRole("button", { name: "Turn off" })).toBeDefined();
});

test("what a program was allowed is withdrawn after a question", async () => {
  let items = [consent];
  const server = serveApi({
    ...account,
    "GET /api/v1/auth/consents": () => answer({ items, nextCursor: null }),
    [`DELETE /api/v1/auth/consents/${consent.clientId}`]: () => {
      items = [];
      return new Response(null, { status: 204 });
    },
  });
  renderApp("/account");

  expect(await screen.findByText("Know that it is you, Keep access while you are away")).toBeDefined();
  await userEvent.click(screen.getByRole("button", { name: "Withdraw the access of Set list" }));
  expect(server.count(`DELETE /api/v1/auth/consents/${consent.clientId}`)).toBe(0);
  const dialog = within(await screen.findByRole("dialog"));
  await userEvent.click(dialog.getByRole("button", { name: "Withdraw" }));

  await waitFor(() => expect(screen.queryByText("Set list")).toBeNull());
  expect(screen.getByText("No program has access to your account.")).toBeDefined();
});
