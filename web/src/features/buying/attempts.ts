/**
 * The idempotency keys of orders that were sent and not answered yet.
 *
 * Promises: the same person ordering the same lines sends the same key until an answer arrives,
 * across retries and reloads, so an order whose answer got lost is not placed twice. Other lines,
 * another person or an answered order get a new key.
 */
import type { CartLine } from "./cart";

/** What is sent: an order that differs in anything is another order. */
export interface WantedOrder {
  lines: CartLine[];
  buyer: { name: string; email: string };
}

interface Attempt {
  key: string;
  /** What was ordered and by whom. */
  order: string;
  startedAt: number;
}

const STORAGE_KEY = "backline.order-attempts";
/** After that nobody is retrying; the same lines then mean a new wish. */
const KEPT_FOR_MS = 24 * 3_600_000;
const KEY_BYTES = 16;

let unstored: Attempt[] = [];

/** The key to send with this order. */
export function attemptKey(buyerId: string, wanted: WantedOrder, now = Date.now()): string {
  const order = JSON.stringify([buyerId, wanted]);
  const attempts = read().filter(({ startedAt }) => now - startedAt < KEPT_FOR_MS);
  const known = attempts.find((attempt) => attempt.order === order);
  if (known) return known.key;

  const attempt = { key: newKey(), order, startedAt: now };
  write([...attempts, attempt]);
  return attempt.key;
}

/** The server answered, with an order or with a refusal: the next try is another order. */
export function settleAttempt(key: string) {
  write(read().filter((attempt) => attempt.key !== key));
}

/** Not `crypto.randomUUID`: an installation without TLS is no secure context and lacks it. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function read(): Attempt[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(STORAGE_KEY) ?? "null");
    return Array.isArray(stored) ? (stored as Attempt[]) : unstored;
  } catch {
    return unstored;
  }
}

function write(attempts: Attempt[]) {
  unstored = attempts;
  try {
    localStorage.setItem(STORAGE_KEY, JSON.stringify(attempts));
  } catch {
    // Storage may be blocked; the keys then last as long as the page.
  }
}
