/**
 * Between an event as the API has it and the fields of the form: instants become times on the
 * venue's clock, minor units become an amount, the free details become rows.
 */
import * as z from "zod/mini";
import type { Event } from "../../api/types";
import { fromMinorUnits, toMinorUnits } from "../../ui/format";
import {
  instantOf,
  type Occurrence,
  occurrenceAt,
  type WallTime,
  wallTimeAt,
  zoneHere,
} from "../../ui/zonedTime";
import type { EventFields } from "./queries";

export interface DetailRow {
  id: number;
  key: string;
  value: string;
}

/** Named as the API names them, so that what it says about a field lands at the field. */
export interface EventFormValues {
  name: string;
  description: string;
  eventType: string;
  location: string;
  timeZone: string;
  startDate: WallTime;
  startOccurrence: Occurrence;
  endDate: WallTime;
  endOccurrence: Occurrence;
  seats: number | string;
  price: number | string;
  currency: string;
  details: DetailRow[];
}

const SEATS_MAX = 10_000_000;
const required = (missing: string) => z.string().check(z.trim(), z.minLength(1, missing));
const isDateTime = (wall: string) => instantOf(wall, "UTC") !== null;

export const eventFormSchema = z
  .object({
    name: required("Enter a name."),
    eventType: required("Choose what kind of event it is."),
    location: required("Say where it is."),
    timeZone: required("Choose the time zone of the venue."),
    startDate: z.string().check(z.refine(isDateTime, "Enter the date and time at which it starts.")),
    endDate: z.string().check(z.refine(isDateTime, "Enter the date and time at which it ends.")),
    seats: z
      .union([z.number(), z.string()])
      .check(z.refine(isSeatCount, "Enter a whole number of seats, at least 1.")),
    price: z
      .union([z.number(), z.string()])
      .check(z.refine((price) => price !== "" && Number(price) >= 0, "Enter a price; 0 is free.")),
    startOccurrence: z.enum(["first", "second"]),
    endOccurrence: z.enum(["first", "second"]),
  })
  .check((context) => {
    const { startDate, endDate, startOccurrence, endOccurrence, timeZone } = context.value;
    const start = timeZone && instantOf(startDate, timeZone, startOccurrence);
    const end = timeZone && instantOf(endDate, timeZone, endOccurrence);
    if (!start || !end || end.instant > start.instant) return;
    context.issues.push({
      code: "custom",
      path: ["endDate"],
      message: "It ends before it starts.",
      input: endDate,
    });
  });

function isSeatCount(seats: number | string): boolean {
  const count = Number(seats);
  return Number.isInteger(count) && count >= 1 && count <= SEATS_MAX;
}

export function emptyEvent(currency: string): EventFormValues {
  return {
    name: "",
    description: "",
    eventType: "",
    location: "",
    timeZone: zoneHere(),
    startDate: "",
    startOccurrence: "first",
    endDate: "",
    endOccurrence: "first",
    seats: "",
    price: "",
    currency,
    details: [],
  };
}

export function formValuesOf(event: Event): EventFormValues {
  const { startDate, endDate, timeZone, price, details } = event;
  return {
    name: event.name,
    description: event.description,
    eventType: event.eventType,
    location: event.location,
    timeZone,
    startDate: wallTimeAt(startDate, timeZone),
    startOccurrence: occurrenceAt(startDate, timeZone),
    endDate: wallTimeAt(endDate, timeZone),
    endOccurrence: occurrenceAt(endDate, timeZone),
    seats: event.seats,
    price: fromMinorUnits(price),
    currency: price.currency,
    details: Object.entries(details).map(([key, value], id) => ({ id, key, value: textOf(value) })),
  };
}

/** What is sent. `before` is the event that is changed: details that are gone are taken out of it. */
export function eventFieldsOf(values: EventFormValues, before?: Event): EventFields {
  const instant = (wall: WallTime, occurrence: Occurrence) =>
    instantOf(wall, values.timeZone, occurrence)?.instant.toISOString() ?? "";
  return {
    name: values.name.trim(),
    description: values.description.trim(),
    eventType: values.eventType,
    location: values.location.trim(),
    timeZone: values.timeZone,
    startDate: instant(values.startDate, values.startOccurrence),
    endDate: instant(values.endDate, values.endOccurrence),
    seats: Number(values.seats),
    price: {
      amountMinor: toMinorUnits(Number(values.price), values.currency),
      currency: values.currency,
    },
    details: detailsOf(values.details, before?.details ?? {}),
  };
}

/** Only what is different, so that two people can change different fields of one event. */
export function changeOf(fields: EventFields, before: Event): Partial<EventFields> {
  const isSame = (key: string, value: unknown) => {
    const old = before[key as keyof Event];
    if (key === "startDate" || key === "endDate")
      return Date.parse(String(old)) === Date.parse(String(value));
    return JSON.stringify(old) === JSON.stringify(value);
  };
  return Object.fromEntries(Object.entries(fields).filter(([key, value]) => !isSame(key, value)));
}

/** In a merge patch null takes a key out. A value nobody touched keeps its type. */
function detailsOf(rows: DetailRow[], before: Record<string, unknown>): Record<string, unknown> {
  const details: Record<string, unknown> = {};
  for (const key of Object.keys(before)) details[key] = null;
  for (const { key, value } of rows) {
    if (key.trim() === "") continue;
    const old = before[key.trim()];
    details[key.trim()] = old !== undefined && textOf(old) === value ? old : value;
  }
  return details;
}

export function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
