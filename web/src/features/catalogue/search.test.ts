import { expect, test } from "vitest";
import { readEventsSearch, toApiQuery } from "./search";

test("only what was filled in stands in the address", () => {
  expect(readEventsSearch({ q: " jazz ", location: "", type: undefined })).toEqual({ q: "jazz" });
});

test("a number in the address is a text to look for", () => {
  expect(readEventsSearch({ q: 1984 })).toEqual({ q: "1984" });
});

test("a mangled day is left out", () => {
  expect(readEventsSearch({ from: "tomorrow", to: "2026-99-99" })).toEqual({});
});

test("a chosen day lasts from its first to its last moment", () => {
  const { from, to } = toApiQuery({ from: "2026-12-05", to: "2026-12-05" });
  const length = new Date(to ?? "").getTime() - new Date(from).getTime();
  expect(new Date(from)).toEqual(new Date("2026-12-05T00:00"));
  expect(length).toBe(24 * 3_600_000 - 1);
});

test("the catalogue begins today unless told otherwise", () => {
  const now = new Date("2026-12-05T15:30");
  expect(toApiQuery({}, now).from).toBe(new Date("2026-12-05T00:00").toISOString());
});
