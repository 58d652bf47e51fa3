import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { session } from "../../api/session";
import { renderApp } from "../../testing/renderApp";
import { sampleMe } from "../../testing/samples";
import { answer, serveApi } from "../../testing/server";

beforeEach(() => session.end());
afterEach(() => vi.unstubAllGlobals());

const done = () => new Response(null, { status: 204 });
const linkNotValid = () => answer({ code: "link_not_valid", detail: "this link has been used" }, 403);

test("opening the link of a letter confirms nothing, the button does", async () => {
  const bodies: unknown[] = [];
  const server = serveApi({
    "POST /api/v1/auth/verify-email": ({ body }) => {
      bodies.push(body);
      return done();
    },
  });
  renderApp("/verify-email?token=t0ken");

  const button = await screen.findByRole("button", { name: "Confirm the address" });
  expect(server.count("POST /api/v1/auth/verify-email")).toBe(0);
  await userEvent.click(button);

  expect(await screen.findByRole("heading", { name: "Your email is confirmed" })).toBeDefined();
  expect(bodies).toEqual([{ token: "t0ken" }]);
});

test("a spent link says so and leads to another letter", async () => {
  serveApi({ "POST /api/v1/auth/verify-email": linkNotValid });
  renderApp("/verify-email?token=t0ken");

  await userEvent.click(await screen.findByRole("button", { name: "Confirm the address" }));

  const again = await screen.findByRole("link", { name: "Ask for another letter" });
  expect(again.getAttribute("href")).toBe("/account");
});

test("a link without its token is not tried", async () => {
  const server = serveApi({});
  renderApp("/reset-password");

  const again = await screen.findByRole("link", { name: "Ask for another letter" });
  expect(again.getAttribute("href")).toBe("/forgot-password");
  expect(server.count("POST /api/v1/auth/reset-password")).toBe(0);
});

test("a new password ends the session of this page as well", async () => {
  session.begin("token");
  serveApi({
    "POST /api/v1/auth/reset-password": ({ body }) => {
      expect(body).toEqual({ token: "t0ken", newPassword: "gulls over the harbour" });
      return done();
    },
  });
  renderApp("/reset-password?token=t0ken");

  await userEvent.type(await screen.findByLabelText("New password"), "short");
  await userEvent.click(screen.getByRole("button", { name: "Change the password" }));
  expect(await screen.findByText("Use at least 10 characters.")).toBeDefined();
  await userEvent.clear(screen.getByLabelText("New password"));
  await userEvent.type(screen.getByLabelText("New password"), "gulls over the harbour");
  await userEvent.click(screen.getByRole("button", { name: "Change the password" }));

  expect(await screen.findByRole("heading", { name: "Your password is changed" })).toBeDefined();
  await waitFor(() => expect(session.mayBeSignedIn).toBe(false));
});

test("opening a link to sign in does not use it up, the button does", async () => {
  const bodies: unknown[] = [];
  const server = serveApi({
    "POST /api/v1/auth/email-link/redeem": ({ body }) => {
      bodies.push(body);
      const { secondFactor } = body as { secondFactor?: string };
      if (secondFactor === undefined) return answer({ code: "second_factor_required" }, 401);
      if (secondFactor === "123456") return answer({ accessToken: "token" });
      return answer({ code: "bad_second_factor", detail: "this code is wrong" }, 401);
    },
    "GET /api/v1/users/me": () => answer(sampleMe()),
  });
  const { router } = renderApp("/sign-in-link?token=t0ken");

  const button = await screen.findByRole("button", { name: "Sign in" });
  expect(server.count("POST /api/v1/auth/email-link/redeem")).toBe(0);
  await userEvent.click(button);
  const code = await screen.findByLabelText("Code");
  expect(document.activeElement).toBe(code);
  await userEvent.type(code, "654321");
  await userEvent.click(screen.getByRole("button", { name: "Sign in" }));
  expect(await screen.findByText("This code is wrong.")).toBeDefined();
  await userEvent.clear(code);
  await userEvent.type(code, "123456");
  await userEvent.click(screen.getByRole("button", { name: "Sign in" }));

  await waitFor(() => expect(router.state.location.href).toBe("/"));
  const link = { token: "t0ken", useCookie: true };
  expect(bodies).toEqual([link, { ...link, secondFactor: "654321" }, { ...link, secondFactor: "123456" }]);
});

test("a spent link to sign in leads to another one", async () => {
  serveApi({
    "POST /api/v1/auth/email-link/redeem": () => answer({ code: "link_not_valid" }, 401),
    "POST /api/v1/auth/email-link": ({ body }) => {
      expect(body).toEqual({ email: "ada@example.org" });
      return new Response(null, { status: 202 });
    },
  });
  renderApp("/sign-in-link?token=t0ken");

  await userEvent.click(await screen.findByRole("button", { name: "Sign in" }));
  await userEvent.click(await screen.findByRole("link", { name: "Ask for another link" }));
  await userEvent.type(await screen.findByLabelText("Email"), "ada@example.org");
  await userEvent.click(screen.getByRole("button", { name: "Send me a link" }));

  expect(await screen.findByText(/If there is an account with this address/)).toBeDefined();
});

test("asking for a new password does not tell whether there is an account", async () => {
  serveApi({
    "POST /api/v1/auth/forgot-password": ({ body }) => {
      expect(body).toEqual({ email: "ada@example.org" });
      return new Response(null, { status: 202 });
    },
  });
  renderApp("/forgot-password");

  await userEvent.type(await screen.findByLabelText("Email"), "ada@example.org");
  await userEvent.click(screen.getByRole("button", { name: "Send the letter" }));

  expect(await screen.findByText(/If there is an account with this address/)).toBeDefined();
});
