import { expect, test } from "vitest";
import {
  formatBytes,
  formatEventSpan,
  formatEventTime,
  formatMoney,
  formatPrice,
  formatQuantity,
  formatRelative,
  toMinorUnits,
} from "./format";

const plain = (text: string) => text.replaceAll("\u00a0", " ");

test("money has as many decimals as its currency", () => {
  expect(plain(formatMoney({ amountMinor: 50000, currency: "SEK" }))).toBe("SEK 500.00");
  expect(plain(formatMoney({ amountMinor: 6800, currency: "JPY" }))).toBe("JPY 6,800");
  expect(plain(formatMoney({ amountMinor: 1234, currency: "KWD" }))).toBe("KWD 1.234");
});

test("nothing to pay is free", () => {
  expect(formatPrice({ amountMinor: 0, currency: "EUR" })).toBe("Free");
});

test("a typed amount becomes whole minor units in spite of binary fractions", () => {
  expect(toMinorUnits(19.99, "EUR")).toBe(1999);
  expect(toMinorUnits(6800, "JPY")).toBe(6800);
});

test("an event's time is the time at the venue and names the zone", () => {
  expect(formatEventTime("2026-10-24T17:30:00Z", "Europe/Stockholm")).toBe(
    "Sat 24 Oct 2026, 19:30 GMT+2 (Stockholm)",
  );
  expect(formatEventTime("2026-10-24T17:30:00Z", "Asia/Tokyo")).toBe("Sun 25 Oct 2026, 02:30 GMT+9 (Tokyo)");
  expect(formatEventTime("2026-10-24T17:30:00Z", "UTC")).toBe("Sat 24 Oct 2026, 17:30 UTC");
});

test("a span repeats the date only when it ends on another day", () => {
  expect(formatEventSpan("2026-10-24T17:00:00Z", "2026-10-24T20:00:00Z", "Europe/Stockholm")).toBe(
    "Sat 24 Oct 2026, 19:00 – 22:00 GMT+2 (Stockholm)",
  );
  expect(formatEventSpan("2026-10-24T17:00:00Z", "2026-10-25T01:00:00Z", "Europe/Stockholm")).toContain(
    "– Sun 25 Oct 2026, 02:00",
  );
});

test("a moment is told from now", () => {
  const now = new Date("2026-10-24T12:00:00Z");
  expect(formatRelative("2026-10-24T11:55:00Z", now)).toBe("5 minutes ago");
  expect(formatRelative("2026-10-24T11:59:50Z", now)).toBe("just now");
  expect(formatRelative("2026-10-27T12:00:00Z", now)).toBe("in 3 days");
});

test("one is singular", () => {
  expect(formatQuantity(1, "ticket")).toBe("1 ticket");
  expect(formatQuantity(1200, "seat")).toBe("1,200 seats");
});

test("bytes are told in the unit that fits", () => {
  expect([0, 999, 1430, 1_430_000, 5e15].map(formatBytes)).toEqual([
    "0 B",
    "999 B",
    "1.43 kB",
    "1.43 MB",
    "5,000 TB",
  ]);
});
