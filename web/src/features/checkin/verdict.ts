/** What comes of a scan. */
import { isProblem, type ProblemError } from "../../api/problem";

export type Refusal =
  | "notACode"
  | "unknown"
  | "cancelled"
  | "otherOrganiser"
  /** For another event; it was not used. */
  | "otherEvent";

export type Verdict =
  | { kind: "checking" }
  | { kind: "in"; holderName: string }
  /** `by` is null when it was scanned on this device and waits to be sent. */
  | { kind: "already"; at: string | null; by: string | null }
  | { kind: "refused"; reason: Refusal; eventId?: string }
  /** Kept on this device until the network is back. */
  | { kind: "waiting" }
  | { kind: "failed"; problem: ProblemError | null };

export interface Scan {
  id: string;
  /** As printed on the ticket, or what was read when it is no code at all. */
  code: string;
  at: string;
  verdict: Verdict;
}

/** The server's refusal as a verdict. */
export function verdictOf(error: unknown): Verdict {
  if (!isProblem(error)) return { kind: "failed", problem: null };
  switch (error.code) {
    case "already_checked_in":
      return { kind: "already", at: textIn(error, "checkedInAt"), by: textIn(error, "checkedInBy") };
    case "ticket_cancelled":
      return { kind: "refused", reason: "cancelled" };
    case "ticket_of_other_event":
      return { kind: "refused", reason: "otherEvent", eventId: textIn(error, "eventId") ?? undefined };
    case "ticket_not_found":
      return { kind: "refused", reason: "unknown" };
  }
  if (error.status === 404) return { kind: "refused", reason: "unknown" };
  if (error.status === 403) return { kind: "refused", reason: "otherOrganiser" };
  return { kind: "failed", problem: error };
}

/**
 * True when the answer says nothing about the ticket and may be another one later: no network, a
 * server that is away or overloaded, a session that ran out.
 */
export function mayComeLater(error: unknown): boolean {
  if (error instanceof DOMException) return true;
  return isProblem(error) && [0, 401, 429, 502, 503, 504].includes(error.status);
}

function textIn(error: ProblemError, field: string): string | null {
  const value = error.document[field];
  return typeof value === "string" ? value : null;
}
