import { expect, test } from "vitest";
import { readDetails } from "./details";

const read = (details: Record<string, unknown>) => readDetails(details, "Europe/Stockholm");

test("a key becomes words, however it is written", () => {
  expect(read({ doorsOpen: "18:00", dress_code: "Black" })).toEqual([
    { label: "Doors open", values: ["18:00"] },
    { label: "Dress code", values: ["Black"] },
  ]);
});

test("every kind of value is put in words", () => {
  expect(read({ wheelchairs: true, ageLimit: 18, bands: ["Kites", "Low Tide"] })).toEqual([
    { label: "Wheelchairs", values: ["Yes"] },
    { label: "Age limit", values: ["18"] },
    { label: "Bands", values: ["Kites", "Low Tide"] },
  ]);
});

test("a moment is told in the zone of the event", () => {
  expect(read({ soundcheck: "2026-12-05T15:00:00Z" })).toEqual([
    { label: "Soundcheck", values: ["Sat 5 Dec 2026, 16:00 GMT+1 (Stockholm)"] },
  ]);
});

test("what is inside an object is named after it", () => {
  expect(read({ parking: { price: "SEK 50", isGuarded: false } })).toEqual([
    { label: "Parking, price", values: ["SEK 50"] },
    { label: "Parking, is guarded", values: ["No"] },
  ]);
});

test("nothing is left out but what is empty", () => {
  expect(read({ note: "", sponsor: null, bands: [] })).toEqual([]);
});
