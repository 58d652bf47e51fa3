/**
 * What somebody means to buy: which events, how many tickets of each.
 *
 * Kept in the browser, so it outlives a reload and needs no account; every tab sees the same cart.
 * Prices, names and seats are not in it: those are asked for when the cart is looked at.
 */
import { useSyncExternalStore } from "react";

export interface CartLine {
  eventId: string;
  quantity: number;
}

/** The most tickets of one order, and so of the cart. */
export const TICKETS_MAX = 20;

const STORAGE_KEY = "backline.cart";
const NOTHING: readonly CartLine[] = [];

let lines: readonly CartLine[] | null = null;
const listeners = new Set<() => void>();

export const cart = {
  get lines(): readonly CartLine[] {
    lines ??= read();
    return lines;
  },

  quantityOf(eventId: string): number {
    return cart.lines.find((line) => line.eventId === eventId)?.quantity ?? 0;
  },

  /** How many tickets there is room for, of this event or with none given of any. */
  roomFor(eventId?: string): number {
    const others = cart.lines.filter((line) => line.eventId !== eventId);
    return TICKETS_MAX - countTickets(others);
  },

  /** Sets the number of tickets, as far as there is room; 0 takes the event out. */
  set(eventId: string, quantity: number) {
    const fitting = Math.max(0, Math.min(Math.trunc(quantity), cart.roomFor(eventId)));
    const isThere = cart.lines.some((line) => line.eventId === eventId);
    const changed = isThere
      ? cart.lines.map((line) => (line.eventId === eventId ? { eventId, quantity: fitting } : line))
      : [...cart.lines, { eventId, quantity: fitting }];
    write(changed.filter((line) => line.quantity > 0));
  },

  add(eventId: string, quantity: number) {
    cart.set(eventId, cart.quantityOf(eventId) + quantity);
  },

  remove(eventIds: string[]) {
    write(cart.lines.filter(({ eventId }) => !eventIds.includes(eventId)));
  },
};

export function countTickets(of: readonly CartLine[]): number {
  return of.reduce((sum, { quantity }) => sum + quantity, 0);
}

export function useCart(): readonly CartLine[] {
  return useSyncExternalStore(subscribe, () => cart.lines);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  globalThis.addEventListener("storage", onOtherTab);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) globalThis.removeEventListener("storage", onOtherTab);
  };
}

function onOtherTab({ key }: StorageEvent) {
  if (key === STORAGE_KEY || key === null) forgetCart();
}

/** Reads the storage anew: another tab changed it. */
export function forgetCart() {
  lines = null;
  for (const listener of listeners) listener();
}

function write(changed: readonly CartLine[]) {
  lines = changed;
  try {
    localStorage.setItem(STORAGE_KEY, JSON.stringify(changed));
  } catch {
    // Storage may be blocked or full; the cart then lasts as long as the page.
  }
  for (const listener of listeners) listener();
}

/** What is stored may be of an older version or edited by hand; only what is sound is taken. */
function read(): readonly CartLine[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(STORAGE_KEY) ?? "[]");
    if (!Array.isArray(stored)) return NOTHING;
    const sound = stored.filter(isCartLine).map(({ eventId, quantity }) => ({ eventId, quantity }));
    return countTickets(sound) <= TICKETS_MAX ? sound : NOTHING;
  } catch {
    return NOTHING;
  }
}

function isCartLine(line: unknown): line is CartLine {
  if (typeof line !== "object" || line === null) return false;
  const { eventId, quantity } = line as Partial<CartLine>;
  return typeof eventId === "string" && Number.isInteger(quantity) && Number(quantity) > 0;
}
