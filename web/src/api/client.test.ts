import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { answer, serveApi } from "../testing/server";
import { api } from "./client";
import { isProblem, type ProblemError } from "./problem";
import { session } from "./session";

beforeEach(() => session.end());
afterEach(() => vi.unstubAllGlobals());

const EVENTS = "/api/v1/events";

test("calls in flight together share one refresh and are replayed", async () => {
  session.begin("old");
  const server = serveApi({
    "GET /api/v1/events": ({ token }) =>
      token === "new" ? answer({ items: [], nextCursor: null }) : answer({ code: "token_expired" }, 401),
    "POST /api/v1/auth/refresh": () => answer({ accessToken: "new", expiresIn: 600, tokenType: "Bearer" }),
  });

  const answers = await Promise.all([api.GET(EVENTS), api.GET(EVENTS), api.GET(EVENTS)]);

  expect(answers.map(({ data }) => data?.items)).toEqual([[], [], []]);
  expect(server.count("POST /api/v1/auth/refresh")).toBe(1);
  expect(server.count("GET /api/v1/events")).toBe(6);
});

test("a replayed call carries its body again", async () => {
  session.begin("old");
  const bodies: unknown[] = [];
  serveApi({
    "POST /api/v1/orders": ({ token, body }) => {
      bodies.push(body);
      return token === "new" ? answer({ id: "1" }, 201) : answer({}, 401);
    },
    "POST /api/v1/auth/refresh": () => answer({ accessToken: "new" }),
  });

  await api.POST("/api/v1/orders", { body: { lines: [{ eventId: "e", quantity: 2 }] } });

  expect(bodies).toEqual([
    { lines: [{ eventId: "e", quantity: 2 }] },
    { lines: [{ eventId: "e", quantity: 2 }] },
  ]);
});

test("a refused refresh ends the session and is not tried again", async () => {
  session.begin("old");
  const ended = vi.fn();
  const stopListening = session.onEnd(ended);
  const server = serveApi({
    "GET /api/v1/events": () => answer({ code: "token_expired" }, 401),
    "POST /api/v1/auth/refresh": () => answer({ code: "token_invalid" }, 401),
  });

  await expect(api.GET(EVENTS)).rejects.toMatchObject({ status: 401, code: "token_expired" });

  expect(ended).toHaveBeenCalledOnce();
  expect(session.mayBeSignedIn).toBe(false);
  expect(server.count("POST /api/v1/auth/refresh")).toBe(1);
  stopListening();
});

test("the first call after a reload restores the session by the cookie", async () => {
  localStorage.setItem("backline.signed-in", "1");
  const server = serveApi({
    "GET /api/v1/events": ({ token }) => answer({ items: [token], nextCursor: null }),
    "POST /api/v1/auth/refresh": ({ body }) => {
      expect(body).toEqual({});
      return answer({ accessToken: "restored" });
    },
  });

  const { data } = await api.GET(EVENTS);

  expect(data?.items).toEqual(["restored"]);
  expect(server.count("GET /api/v1/events")).toBe(1);
});

test("a visitor who never signed in costs no refresh", async () => {
  const server = serveApi({ "GET /api/v1/events": () => answer({ items: [], nextCursor: null }) });
  await api.GET(EVENTS);
  expect(server.count("POST /api/v1/auth/refresh")).toBe(0);
});

test("a newer token in an answer is taken over", async () => {
  session.begin("old");
  serveApi({
    "GET /api/v1/events": () => answer({ items: [], nextCursor: null }, 200, { "x-access-token": "newer" }),
  });
  await api.GET(EVENTS);
  expect(session.accessToken).toBe("newer");
});

test("a problem document is thrown with its fields", async () => {
  serveApi({
    "GET /api/v1/events": () =>
      answer(
        {
          title: "Not valid",
          detail: "Two fields are wrong.",
          code: "invalid",
          traceId: "abc",
          errors: [{ field: "email", message: "Not an address." }],
        },
        422,
      ),
  });

  const problem = (await api.GET(EVENTS).catch((error: unknown) => error)) as ProblemError;

  expect(isProblem(problem, "invalid")).toBe(true);
  expect(problem).toMatchObject({ status: 422, traceId: "abc", message: "Two fields are wrong." });
  expect(problem.errorsByField).toEqual({ email: "Not an address." });
});

test("a server out of reach is a problem too", async () => {
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("fetch failed")));
  await expect(api.GET(EVENTS)).rejects.toMatchObject({ status: 0, code: "unreachable" });
});
