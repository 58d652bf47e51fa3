/**
 * The free `details` of an event as lines one can read: `{ doorsOpen: "18:00" }` is "Doors open: 18:00".
 * Organisers and other programs put in what they like, so every shape of value has its words.
 */
import { formatCount, formatEventTime } from "../../ui/format";

export interface Detail {
  label: string;
  values: string[];
}

const LINES_MAX = 40;
const DEPTH_MAX = 3;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/;

export function readDetails(details: Record<string, unknown>, timeZone: string): Detail[] {
  return readObject(details, timeZone, "", 1).slice(0, LINES_MAX);
}

function readObject(details: object, timeZone: string, prefix: string, depth: number): Detail[] {
  return Object.entries(details).flatMap(([key, value]: [string, unknown]) => {
    const label = prefix === "" ? sentence(words(key)) : `${prefix}, ${words(key)}`;
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    if (isObject && depth < DEPTH_MAX) return readObject(value, timeZone, label, depth + 1);

    const values = (Array.isArray(value) ? value : [value]).flatMap((each) => readValue(each, timeZone));
    return values.length === 0 ? [] : [{ label, values }];
  });
}

function readValue(value: unknown, timeZone: string): string[] {
  if (value === null || value === undefined || value === "") return [];
  if (typeof value === "boolean") return [value ? "Yes" : "No"];
  if (typeof value === "number") return [formatCount(value)];
  if (typeof value === "string") return [TIME.test(value) ? formatEventTime(value, timeZone) : value];
  return [JSON.stringify(value)];
}

/** "doorsOpen", "doors_open" and "doors-open" are all "doors open". */
function words(key: string): string {
  return key
    .replaceAll(/([a-z\d])([A-Z])/g, "$1 $2")
    .replaceAll(/[_-]+/g, " ")
    .trim()
    .toLowerCase();
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
