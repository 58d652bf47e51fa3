/**
 * The way to the server: `api` for a single call, `query` for TanStack Query options and mutations.
 * The only file that knows openapi-fetch.
 *
 * Promises: calls carry the access token; an expired one is refreshed once and the call replayed;
 * a newer token the gateway hands back is taken over; whatever fails is thrown as a `ProblemError`.
 */
import createFetchClient from "openapi-fetch";
import createQueryClient from "openapi-react-query";
import { readProblem, unreachableProblem } from "./problem";
import type { paths } from "./schema.gen";
import { session } from "./session";

/** `await api.GET("/api/v1/events/{id}", { params: { path: { id } } })`; `data` is there or it threw. */
export const api = createFetchClient<paths>({
  baseUrl: globalThis.location?.origin,
  credentials: "same-origin",
  fetch: sendWithSession,
});

api.use({
  async onResponse({ response }) {
    if (!response.ok) throw await readProblem(response);
  },
});

/** `query.queryOptions("get", "/api/v1/events", { params })`, `query.useMutation("post", …)`. */
export const query = createQueryClient(api);

/** One call to an address below `/oauth`, which the OpenAPI document does not describe. */
export async function callOAuth<Answer>(
  method: "GET" | "POST" | "PUT" | "DELETE",
  path: `/oauth/${string}`,
  { body, signal }: { body?: unknown; signal?: AbortSignal } = {},
): Promise<Answer> {
  const request = new Request(new URL(path, location.origin), {
    method,
    signal,
    credentials: "same-origin",
    headers: body === undefined ? {} : { "content-type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const response = await sendWithSession(request);
  if (!response.ok) throw await readProblem(response);
  const text = await response.text();
  return (text === "" ? undefined : JSON.parse(text)) as Answer;
}

async function sendWithSession(request: Request): Promise<Response> {
  if (isAboutSigningIn(request)) return send(request);

  await restoreSession();
  const spare = request.clone();
  const tokenSent = session.accessToken;
  const response = await send(withToken(request));
  if (response.status !== 401 || tokenSent === null) return response;

  // Another call may have renewed the token while this one was on its way.
  const isRenewed = session.accessToken !== tokenSent || (await refresh());
  return isRenewed && session.accessToken !== null ? send(withToken(spare)) : response;
}

async function restoreSession() {
  await session.settled();
  if (session.accessToken === null && session.mayBeSignedIn) await refresh();
}

async function refresh(): Promise<boolean> {
  try {
    return await session.refresh();
  } catch {
    throw unreachableProblem();
  }
}

async function send(request: Request): Promise<Response> {
  const response = await fetch(request).catch((cause: unknown) => {
    if (request.signal.aborted) throw cause;
    throw unreachableProblem();
  });
  const newerToken = response.headers.get("x-access-token");
  if (newerToken !== null && session.accessToken !== null) session.renew(newerToken);
  return response;
}

function withToken(request: Request): Request {
  if (session.accessToken !== null) {
    request.headers.set("authorization", `Bearer ${session.accessToken}`);
  }
  return request;
}

/** These answer 401 for reasons of their own, which a refresh would not mend. */
function isAboutSigningIn(request: Request): boolean {
  const { pathname } = new URL(request.url);
  const paths = [
    "/auth/login",
    "/auth/refresh",
    "/auth/passkey/challenge",
    "/auth/passkey",
    "/auth/email-link/redeem",
  ];
  return paths.some((path) => pathname.endsWith(path));
}
