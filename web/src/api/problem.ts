/**
 * What a failed call looks like to the rest of the application.
 *
 * Owns the step from an answer that is not a success to a `ProblemError`. Everything thrown by
 * the API client is one, also when the server could not be reached (status 0, `unreachable`).
 */
import type { FieldError, Problem } from "./types";

export class ProblemError extends Error implements Problem {
  readonly status: number;
  readonly code: string;
  readonly type: string;
  readonly title: string;
  readonly detail: string;
  readonly traceId: string | undefined;
  readonly errors: FieldError[];
  /** How long to wait before the next try, where the server says so. */
  readonly retryAfterSeconds: number | undefined;
  /** The whole document: some problems carry more, such as `checkedInAt`. */
  readonly document: Readonly<Record<string, unknown>>;

  constructor(problem: Partial<Problem> & { status: number; retryAfterSeconds?: number }) {
    const title = problem.title ?? "Something went wrong";
    super(problem.detail ?? title);
    this.name = "ProblemError";
    this.status = problem.status;
    this.code = problem.code ?? `http_${problem.status}`;
    this.type = problem.type ?? "about:blank";
    this.title = title;
    this.detail = problem.detail ?? title;
    this.traceId = problem.traceId;
    this.errors = problem.errors ?? [];
    this.retryAfterSeconds = problem.retryAfterSeconds;
    this.document = { ...problem };
  }

  /** The first message for each field, keyed by the field's name. */
  get errorsByField(): Record<string, string> {
    const messages: Record<string, string> = {};
    for (const { field, message } of this.errors) messages[field] ??= message;
    return messages;
  }
}

/** True for a `ProblemError`, and with codes given only for one of those. */
export function isProblem(error: unknown, ...codes: string[]): error is ProblemError {
  if (!(error instanceof ProblemError)) return false;
  return codes.length === 0 || codes.includes(error.code);
}

export function unreachableProblem(): ProblemError {
  return new ProblemError({
    status: 0,
    code: "unreachable",
    title: "The server cannot be reached",
    detail: "Check your connection and try again. Nothing was changed.",
  });
}

/** Reads the problem document of an answer; a proxy's plain page becomes a problem as well. */
export async function readProblem(response: Response): Promise<ProblemError> {
  const requestId = response.headers.get("x-request-id") ?? undefined;
  const isJson = response.headers.get("content-type")?.includes("json") ?? false;
  const body: unknown = isJson ? await response.json().catch(() => null) : null;
  const problem = typeof body === "object" && body !== null ? fromOAuth(body) : {};
  const retryAfterSeconds = Number(response.headers.get("retry-after")) || undefined;
  return new ProblemError({ traceId: requestId, retryAfterSeconds, ...problem, status: response.status });
}

/** The addresses below `/oauth` answer in the words of RFC 6749, section 5.2. */
function fromOAuth(
  body: Partial<Problem> & { error?: string; error_description?: string },
): Partial<Problem> {
  if (body.error === undefined) return body;
  return { code: body.error, title: "The server does not accept this", detail: body.error_description };
}
