import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { session } from "../../api/session";
import { stubAuthenticator, usedCredential } from "../../testing/authenticator";
import { renderApp } from "../../testing/renderApp";
import { sampleMe, sampleSecurity } from "../../testing/samples";
import { answer, serveApi } from "../../testing/server";

beforeEach(() => session.end());
afterEach(() => vi.unstubAllGlobals());

const noSessions = { items: [], nextCursor: null };

async function fillIn(email: string, password: string) {
  await userEvent.type(await screen.findByLabelText("Email"), email);
  await userEvent.type(screen.getByLabelText("Password"), password);
  await userEvent.click(screen.getByRole("button", { name: "Sign in" }));
}

test("a visitor of an own page signs in and lands on it", async () => {
  serveApi({
    "POST /api/v1/auth/login": ({ body }) => {
      expect(body).toEqual({ email: "ada@example.org", password: "a long password", useCookie: true });
      return answer({ accessToken: "token", expiresIn: 600, tokenType: "Bearer" });
    },
    "GET /api/v1/users/me": () => answer(sampleMe()),
    "GET /api/v1/auth/sessions": () => answer(noSessions),
    "GET /api/v1/auth/consents": () => answer(noSessions),
    "GET /api/v1/users/me/passkeys": () => answer(noSessions),
    "GET /api/v1/users/me/security": () => answer(sampleSecurity()),
  });
  const { router } = renderApp("/account");
  await waitFor(() => expect(router.state.location.href).toBe("/sign-in?return=%2Faccount"));

  await fillIn("ada@example.org", "a long password");

  expect(await screen.findByRole("heading", { name: "Account" })).toBeDefined();
});

test("a wrong password is said in plain words, with the reference", async () => {
  serveApi({
    "POST /api/v1/auth/login": () =>
      answer({ title: "Unauthorized", code: "bad_credentials", traceId: "4bf92f35" }, 401),
  });
  renderApp("/sign-in");

  await fillIn("ada@example.org", "wrong");

  const alert = await screen.findByRole("alert");
  expect(alert.textContent).toContain("do not match an account");
  expect(alert.textContent).toContain("4bf92f35");
});

test("the code of the second step is sent with the same email and password", async () => {
  const bodies: unknown[] = [];
  serveApi({
    "POST /api/v1/auth/login": ({ body }) => {
      bodies.push(body);
      const { secondFactor } = body as { secondFactor?: string };
      if (secondFactor === undefined) return answer({ code: "second_factor_required" }, 401);
      if (secondFactor === "123456") return answer({ accessToken: "token" });
      return answer({ code: "bad_second_factor", detail: "this code is wrong" }, 401);
    },
    "GET /api/v1/users/me": () => answer(sampleMe()),
  });
  const { router } = renderApp("/sign-in?return=%2Fcart");

  await fillIn("ada@example.org", "a long password");
  const code = await screen.findByLabelText("Code");
  expect(document.activeElement).toBe(code);
  await userEvent.type(code, "654321");
  await userEvent.click(screen.getByRole("button", { name: "Sign in" }));
  expect(await screen.findByText("This code is wrong.")).toBeDefined();
  await userEvent.clear(code);
  await userEvent.type(code, " 123456 ");
  await userEvent.click(screen.getByRole("button", { name: "Sign in" }));

  await waitFor(() => expect(router.state.location.pathname).toBe("/cart"));
  const both = { email: "ada@example.org", password: "a long password", useCookie: true };
  expect(bodies).toEqual([both, { ...both, secondFactor: "654321" }, { ...both, secondFactor: "123456" }]);
});

test("whoever tried too often is told how long to wait", async () => {
  serveApi({
    "POST /api/v1/auth/login": () => answer({ code: "too_many_attempts" }, 429, { "retry-after": "240" }),
  });
  renderApp("/sign-in");

  await fillIn("ada@example.org", "a long password");

  expect((await screen.findByRole("alert")).textContent).toContain("Wait 4 minutes and try again");
});

test("a passkey signs in without anything being typed", async () => {
  const asked = stubAuthenticator();
  serveApi({
    "POST /api/v1/auth/passkey/challenge": () =>
      answer({ publicKey: { challenge: "AQID", rpId: "localhost", userVerification: "required" } }),
    "POST /api/v1/auth/passkey": ({ body }) => {
      expect(body).toEqual({ credential: usedCredential, useCookie: true });
      return answer({ accessToken: "token" });
    },
    "GET /api/v1/users/me": () => answer(sampleMe()),
  });
  const { router } = renderApp("/sign-in?return=%2Fcart");

  await userEvent.click(await screen.findByRole("button", { name: "Sign in with a passkey" }));

  await waitFor(() => expect(router.state.location.pathname).toBe("/cart"));
  expect(asked).toEqual([new Uint8Array([1, 2, 3])]);
});

test("a passkey that was not used, or opens nothing, is said in plain words", async () => {
  const asked = stubAuthenticator();
  asked.failure = new DOMException("no", "NotAllowedError");
  serveApi({
    "POST /api/v1/auth/passkey/challenge": () => answer({ publicKey: { challenge: "AQID" } }),
    "POST /api/v1/auth/passkey": () => answer({ code: "bad_passkey" }, 401),
  });
  renderApp("/sign-in");

  const button = await screen.findByRole("button", { name: "Sign in with a passkey" });
  await userEvent.click(button);
  expect((await screen.findByRole("alert")).textContent).toContain("No passkey was used");
  asked.failure = null;
  await userEvent.click(button);
  expect(await screen.findByText(/does not open an account here/)).toBeDefined();
});

test("without passkeys in the browser none is offered", async () => {
  serveApi({});
  renderApp("/sign-in");

  expect(await screen.findByRole("link", { name: "Send me a link" })).toBeDefined();
  expect(screen.queryByRole("button", { name: "Sign in with a passkey" })).toBeNull();
});

test("nothing is sent before the form is right", async () => {
  const server = serveApi({});
  renderApp("/sign-in");

  await fillIn("ada", "x");

  expect(await screen.findByText(/Enter an email address/)).toBeDefined();
  expect(server.count("POST /api/v1/auth/login")).toBe(0);
});
