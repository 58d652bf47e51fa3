/**
 * The step between the clock on the wall of a venue and the instant it means.
 *
 * A wall time is written as a date-time input writes it: "2026-10-25T02:30". Twice a year a wall
 * time is not an instant: when clocks go forward some wall times never come, when they go back some
 * come twice. `instantOf` says so, so that a form can say it too.
 *
 * Needs nothing but `Intl`: what a zone's clock shows at an instant is asked of the browser, and the
 * instant is found by trying the offsets in force around it.
 */
export type WallTime = string;

/** Which of the two instants is meant where a wall time comes twice. */
export type Occurrence = "first" | "second";

export interface ZonedInstant {
  instant: Date;
  /** "skipped": the wall time never comes, `instant` is as much later as the clocks jump. */
  kind: "plain" | "skipped" | "repeated";
}

const WALL_TIME = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2})$/;
const DAY_MS = 86_400_000;

/** The instant at which the clocks of a zone show `wall`, or null when it is not a date and time. */
export function instantOf(
  wall: WallTime,
  timeZone: string,
  occurrence: Occurrence = "first",
): ZonedInstant | null {
  const shown = readWallTime(wall);
  if (shown === null) return null;

  // No zone changes its clocks twice within two days, so one of these offsets is in force.
  const before = offsetAt(shown - DAY_MS, timeZone);
  const after = offsetAt(shown + DAY_MS, timeZone);
  const fitting = [...new Set([before, after])]
    .map((offset) => shown - offset)
    .filter((instant) => instant + offsetAt(instant, timeZone) === shown)
    .sort((a, b) => a - b);

  const [first, second] = fitting;
  // Reading the wall time with the offset from before the jump moves it past the jump.
  if (first === undefined) return { instant: new Date(shown - before), kind: "skipped" };
  if (second === undefined) return { instant: new Date(first), kind: "plain" };
  return { instant: new Date(occurrence === "first" ? first : second), kind: "repeated" };
}

/** What the clocks of a zone show at an instant. */
export function wallTimeAt(instant: string | Date, timeZone: string): WallTime {
  const time = new Date(instant).getTime();
  return new Date(time + offsetAt(time, timeZone)).toISOString().slice(0, "2026-10-25T02:30".length);
}

/** Which of two instants with the same wall time this one is; "first" also where there is only one. */
export function occurrenceAt(instant: string | Date, timeZone: string): Occurrence {
  const later = instantOf(wallTimeAt(instant, timeZone), timeZone, "second");
  const isSecond = later?.kind === "repeated" && new Date(instant) >= later.instant;
  return isSecond ? "second" : "first";
}

/** The zone of this browser, such as "Europe/Stockholm". */
export function zoneHere(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** Every zone this browser knows; `UTC` and the given ones are among them. */
export function zoneNames(...more: string[]): string[] {
  return [...new Set(["UTC", ...more, ...Intl.supportedValuesOf("timeZone")])].sort();
}

/** The wall time read as if the zone were UTC; null when it is not a date and time. */
function readWallTime(wall: WallTime): number | null {
  const fields = WALL_TIME.exec(wall)?.slice(1).map(Number);
  if (fields === undefined) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0] = fields;
  const time = Date.UTC(year, month - 1, day, hour, minute);
  // Date.UTC takes a 31 February for a 3 March.
  return new Date(time).toISOString().startsWith(wall) ? time : null;
}

/** How many milliseconds the clocks of a zone are ahead of UTC at an instant. */
function offsetAt(instant: number, timeZone: string): number {
  const parts = clockOf(timeZone).formatToParts(instant);
  const find = (type: string) => Number(parts.find((part) => part.type === type)?.value);
  const shown = Date.UTC(
    find("year"),
    find("month") - 1,
    find("day"),
    find("hour"),
    find("minute"),
    find("second"),
  );
  return shown - Math.floor(instant / 1000) * 1000;
}

const clocks = new Map<string, Intl.DateTimeFormat>();
function clockOf(timeZone: string): Intl.DateTimeFormat {
  const clock =
    clocks.get(timeZone) ??
    new Intl.DateTimeFormat("en-US", {
      timeZone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
  clocks.set(timeZone, clock);
  return clock;
}
