/** The arithmetic of a plot over time: where bars, line and labels go. Knows no colours and no DOM. */
import { formatEventClock, formatEventDay } from "./format";
import { instantOf, wallTimeAt } from "./zonedTime";

export type Bucket = "hour" | "day";

export interface TimePoint {
  /** When the bucket begins; buckets in which nothing happened may be left out. */
  start: string;
  value: number;
}

export interface Tick {
  at: number;
  label: string;
}

export const BUCKET_MS: Record<Bucket, number> = { hour: 3_600_000, day: 86_400_000 };
const LABEL_WIDTH_PX = 84;
const BAR_WIDTH_PX_MAX = 44;
const HOUR_STEPS = [1, 2, 3, 6, 12, 24, 48, 72, 168];
const DAY_STEPS = [1, 2, 3, 7, 14, 28, 56, 91, 182, 364];

/** Hours put together to the days of a zone, which no server has to know. */
export function daysOf<Point extends TimePoint>(
  hours: Point[],
  timeZone: string,
  join: (a: Point, b: Point) => Point,
): Point[] {
  const days = new Map<string, Point>();
  for (const hour of hours) {
    const date = wallTimeAt(hour.start, timeZone).slice(0, 10);
    const start = instantOf(`${date}T00:00`, timeZone)?.instant.toISOString() ?? hour.start;
    const day = days.get(start);
    days.set(start, { ...(day === undefined ? hour : join(day, hour)), start });
  }
  return [...days.values()];
}

/** The sum up to and including each point. */
export function runningTotals(points: TimePoint[]): number[] {
  let total = 0;
  return points.map(({ value }) => {
    total += value;
    return total;
  });
}

/** Round numbers from 0 to at least `max`: 0, 5, 10, 15. Whole ones, since what is counted is whole. */
export function countTicks(max: number, ticksMax = 5): number[] {
  const rough = Math.max(max, 1) / (ticksMax - 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough) ?? 1);
  const ticks = [0];
  while ((ticks.at(-1) ?? 0) < max) ticks.push((ticks.at(-1) ?? 0) + step);
  return ticks.length > 1 ? ticks : [0, step];
}

export interface TimeScale {
  /** The left edge of a bucket's bar. */
  barAt: (start: string) => number;
  /** The middle of a bucket. */
  middleOf: (start: string) => number;
  barWidth: number;
  ticks: Tick[];
  /** Which point stands nearest to a place. */
  nearest: (x: number) => number;
}

/** Lays points out over `width` pixels by their time, so that quiet hours leave a gap. */
export function timeScale(points: TimePoint[], bucket: Bucket, timeZone: string, width: number): TimeScale {
  const length = BUCKET_MS[bucket];
  const times = points.map(({ start }) => Date.parse(start));
  const first = times[0] ?? 0;
  const span = (times.at(-1) ?? first) + length - first;
  const pixels = width / span;
  const bucketWidth = length * pixels;
  const barWidth = Math.max(1, Math.min(BAR_WIDTH_PX_MAX, bucketWidth * 0.78));
  const middleOf = (start: string) => (Date.parse(start) - first) * pixels + bucketWidth / 2;

  return {
    barAt: (start) => middleOf(start) - barWidth / 2,
    middleOf,
    barWidth,
    ticks:
      bucket === "day"
        ? dayTicks(first, span, timeZone, pixels, width)
        : hourTicks(first, span, timeZone, pixels, width),
    nearest: (x) => {
      const distances = points.map(({ start }) => Math.abs(middleOf(start) - x));
      return distances.indexOf(Math.min(...distances));
    },
  };
}

/** Days are named at their middle, which also holds on a day of 23 or 25 hours. */
function dayTicks(first: number, span: number, timeZone: string, pixels: number, width: number): Tick[] {
  const day = BUCKET_MS.day;
  const step = stepFor(DAY_STEPS, span / day, width);
  const ticks: Tick[] = [];
  for (let time = first; time < first + span; time += step * day) {
    const middle = time + day / 2;
    ticks.push({ at: (middle - first) * pixels, label: formatEventDay(new Date(middle), timeZone) });
  }
  return ticks;
}

/** Hours are named at their beginning, at round hours of the zone; a new day is named as a day. */
function hourTicks(first: number, span: number, timeZone: string, pixels: number, width: number): Tick[] {
  const step = stepFor(HOUR_STEPS, span / BUCKET_MS.hour, width);
  const ticks: Tick[] = [];
  for (let time = first; time <= first + span; time += BUCKET_MS.hour) {
    const instant = new Date(time);
    const hour = Number(wallTimeAt(instant, timeZone).slice(11, 13));
    const previous = ticks.at(-1);
    const isFarEnough =
      previous === undefined || (time - first) * pixels - previous.at >= LABEL_WIDTH_PX - 20;
    if (hour % Math.min(step, 24) !== 0 || !isFarEnough) continue;
    const label = hour === 0 ? formatEventDay(instant, timeZone) : formatEventClock(instant, timeZone);
    ticks.push({ at: (time - first) * pixels, label });
  }
  return ticks;
}

function stepFor(steps: number[], count: number, width: number): number {
  const labelsMax = Math.max(1, Math.floor(width / LABEL_WIDTH_PX));
  return steps.find((step) => count / step <= labelsMax) ?? Math.ceil(count / labelsMax);
}
