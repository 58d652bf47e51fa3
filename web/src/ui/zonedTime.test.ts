import { expect, test } from "vitest";
import { instantOf, occurrenceAt, wallTimeAt, zoneNames } from "./zonedTime";

const iso = (wall: string, zone: string, occurrence?: "first" | "second") => {
  const found = instantOf(wall, zone, occurrence);
  return found && `${found.instant.toISOString()} ${found.kind}`;
};

test("a wall time is an instant of its zone, whatever zone the reader sits in", () => {
  expect(iso("2026-12-05T19:00", "Europe/Stockholm")).toBe("2026-12-05T18:00:00.000Z plain");
  expect(iso("2026-07-05T19:00", "Europe/Stockholm")).toBe("2026-07-05T17:00:00.000Z plain");
  expect(iso("2026-07-05T19:00", "Asia/Kathmandu")).toBe("2026-07-05T13:15:00.000Z plain");
  expect(iso("2026-01-01T00:00", "Pacific/Kiritimati")).toBe("2025-12-31T10:00:00.000Z plain");
  expect(iso("2026-07-05T19:00", "UTC")).toBe("2026-07-05T19:00:00.000Z plain");
});

test("a time that the clocks skip is moved on by the jump", () => {
  expect(iso("2026-03-29T02:30", "Europe/Stockholm")).toBe("2026-03-29T01:30:00.000Z skipped");
  expect(wallTimeAt("2026-03-29T01:30:00Z", "Europe/Stockholm")).toBe("2026-03-29T03:30");
  expect(iso("2026-03-08T02:15", "America/New_York")).toBe("2026-03-08T07:15:00.000Z skipped");
});

test("the edges of a jump are plain", () => {
  expect(iso("2026-03-29T01:59", "Europe/Stockholm")).toBe("2026-03-29T00:59:00.000Z plain");
  expect(iso("2026-03-29T03:00", "Europe/Stockholm")).toBe("2026-03-29T01:00:00.000Z plain");
  expect(iso("2026-10-25T01:59", "Europe/Stockholm")).toBe("2026-10-24T23:59:00.000Z plain");
  expect(iso("2026-10-25T03:00", "Europe/Stockholm")).toBe("2026-10-25T02:00:00.000Z plain");
});

test("of a time that comes twice the first is taken unless the second is asked for", () => {
  expect(iso("2026-10-25T02:30", "Europe/Stockholm")).toBe("2026-10-25T00:30:00.000Z repeated");
  expect(iso("2026-10-25T02:30", "Europe/Stockholm", "second")).toBe("2026-10-25T01:30:00.000Z repeated");
  expect(iso("2026-04-05T01:45", "Australia/Lord_Howe")).toBe("2026-04-04T14:45:00.000Z repeated");
  expect(iso("2026-04-05T01:45", "Australia/Lord_Howe", "second")).toBe("2026-04-04T15:15:00.000Z repeated");
});

test("every instant of a day with a change comes back from its wall time", () => {
  for (const zone of ["Europe/Stockholm", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo"]) {
    for (const day of ["2026-03-08", "2026-03-29", "2026-04-04", "2026-10-24", "2026-10-25", "2026-11-01"]) {
      for (let minutes = 0; minutes < 24 * 60; minutes += 15) {
        const instant = new Date(Date.parse(`${day}T00:00:00Z`) + minutes * 60_000);
        const back = instantOf(wallTimeAt(instant, zone), zone, occurrenceAt(instant, zone));
        expect(back?.instant.toISOString()).toBe(instant.toISOString());
      }
    }
  }
});

test("what is no date and time is no instant", () => {
  expect(instantOf("", "UTC")).toBeNull();
  expect(instantOf("2026-02-30T10:00", "UTC")).toBeNull();
  expect(instantOf("2026-02-03", "UTC")).toBeNull();
});

test("zones can be chosen even when this browser does not list them", () => {
  expect(zoneNames("Mars/Olympus")).toContain("Mars/Olympus");
  expect(zoneNames()).toContain("UTC");
  expect(zoneNames()).toContain("Europe/Stockholm");
});
