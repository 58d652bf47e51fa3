/**
 * A server for tests: replaces `fetch` by handlers named "METHOD /path" and counts the calls.
 * A call nobody handles answers 404 with the problem code `not_handled`.
 */
import { vi } from "vitest";

interface Call {
  url: URL;
  headers: Headers;
  token: string | null;
  body: unknown;
}

type Handlers = Record<string, (call: Call) => Response | Promise<Response>>;

export function serveApi(handlers: Handlers) {
  const calls: string[] = [];

  vi.stubGlobal("fetch", async (input: Request | string, init?: RequestInit) => {
    const request = input instanceof Request ? input : new Request(new URL(input, location.origin), init);
    const url = new URL(request.url);
    const name = `${request.method} ${url.pathname}`;
    calls.push(name);
    const text = await request.text();
    const token = request.headers.get("authorization")?.replace("Bearer ", "") ?? null;
    const handle = handlers[name] ?? (() => answer({ code: "not_handled", title: name }, 404));
    return handle({ url, headers: request.headers, token, body: text === "" ? undefined : JSON.parse(text) });
  });

  return { calls, count: (name: string) => calls.filter((call) => call === name).length };
}

export function answer(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  const type = status < 400 ? "application/json" : "application/problem+json";
  return new Response(JSON.stringify(body), { status, headers: { "content-type": type, ...headers } });
}
