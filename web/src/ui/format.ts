/**
 * How money, times and counts are written. The only place that formats them.
 *
 * Money takes the number of decimals from its currency. The time of an event is the time at the
 * venue, whatever zone the reader sits in, and always says which zone that is.
 */
import type { Money } from "../api/types";

type Instant = string | Date;

/** `formatMoney({ amountMinor: 50000, currency: "SEK" })` is "SEK 500.00". */
export function formatMoney({ amountMinor, currency }: Money): string {
  const format = moneyFormat(currency);
  return format.format(amountMinor / 10 ** digitsOf(format));
}

/** As `formatMoney`, but nothing to pay is "Free". */
export function formatPrice(price: Money): string {
  return price.amountMinor === 0 ? "Free" : formatMoney(price);
}

/** The smallest unit count for an amount typed in whole units: 12.5 SEK is 1250. */
export function toMinorUnits(amount: number, currency: string): number {
  return Math.round(amount * 10 ** currencyDigits(currency));
}

/** The amount in whole units, for a form field: 1250 öre is 12.5. */
export function fromMinorUnits({ amountMinor, currency }: Money): number {
  return amountMinor / 10 ** currencyDigits(currency);
}

export function currencyDigits(currency: string): number {
  return digitsOf(moneyFormat(currency));
}

/** "Sat 24 Oct 2026, 19:30 GMT+2 (Stockholm)" at the venue. */
export function formatEventTime(instant: Instant, timeZone: string): string {
  return `${eventDateTime(instant, timeZone)} ${formatZone(instant, timeZone)}`;
}

/** The span of an event; the end repeats the date only when it is another day at the venue. */
export function formatEventSpan(start: Instant, end: Instant, timeZone: string): string {
  const isSameDay = formatEventDate(start, timeZone) === formatEventDate(end, timeZone);
  const endText = isSameDay ? clock(end, timeZone) : eventDateTime(end, timeZone);
  return `${eventDateTime(start, timeZone)} – ${endText} ${formatZone(start, timeZone)}`;
}

/** "Sat 24 Oct 2026" at the venue. */
export function formatEventDate(instant: Instant, timeZone: string): string {
  return dateFormat({ ...DATE, timeZone })
    .format(new Date(instant))
    .replace(",", "");
}

/** The pieces of a date at the venue, for a calendar leaf. */
export function dateParts(instant: Instant, timeZone: string) {
  const parts = dateFormat({ ...DATE, timeZone }).formatToParts(new Date(instant));
  const find = (type: string) => parts.find((part) => part.type === type)?.value ?? "";
  return { weekday: find("weekday"), day: find("day"), month: find("month") };
}

/** "GMT+2 (Stockholm)": offsets alone are ambiguous, so the city is named too. */
export function formatZone(instant: Instant, timeZone: string): string {
  if (!timeZone.includes("/")) return timeZone;
  const parts = dateFormat({ timeZone, timeZoneName: "shortOffset" }).formatToParts(new Date(instant));
  const offset = parts.find((part) => part.type === "timeZoneName")?.value ?? timeZone;
  const city = timeZone.split("/").at(-1)?.replaceAll("_", " ");
  return `${offset} (${city})`;
}

/** A moment in the reader's own life (a sign-in, an edit), in the reader's zone. */
export function formatMoment(instant: Instant): string {
  return eventDateTime(instant, undefined);
}

/** "5 minutes ago", "in 3 days". */
export function formatRelative(instant: Instant, now: Date = new Date()): string {
  const seconds = (new Date(instant).getTime() - now.getTime()) / 1000;
  const [unit, length] = RELATIVE_UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
  if (unit === "second") return "just now";
  return RELATIVE_FORMAT.format(Math.trunc(seconds / length), unit);
}

/** "19:30" at the venue, for places that have named the day and the zone. */
export function formatEventClock(instant: Instant, timeZone: string): string {
  return clock(instant, timeZone);
}

/** "24 Oct" at the venue, for the axis of a plot that names the zone. */
export function formatEventDay(instant: Instant, timeZone: string): string {
  return dateFormat({ day: "numeric", month: "short", timeZone }).format(new Date(instant));
}

/** "19:30:05" where the reader is: when something was just scanned. */
export function formatClockHere(instant: Instant): string {
  return dateFormat({ ...CLOCK, second: "2-digit" }).format(new Date(instant));
}

/** "12,345". */
export function formatCount(count: number): string {
  return COUNT_FORMAT.format(count);
}

/** "1.4 MB": bytes in the unit that fits. */
export function formatBytes(bytes: number): string {
  const power = Math.min(BYTE_UNITS.length - 1, Math.floor(Math.log10(Math.max(bytes, 1)) / 3));
  return `${BYTES_FORMAT.format(bytes / 1000 ** power)} ${BYTE_UNITS[power]}`;
}

/** `formatQuantity(1, "ticket")` is "1 ticket"; the plural adds an s unless given. */
export function formatQuantity(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** How long somebody has to wait: "45 seconds", "3 minutes". */
export function formatWait(seconds: number): string {
  if (seconds < 2 * 60) return formatQuantity(seconds, "second");
  return formatQuantity(Math.ceil(seconds / 60), "minute");
}

/** The codes of the currencies this browser knows. */
export function currencyCodes(): string[] {
  return Intl.supportedValuesOf("currency");
}

const LOCALE = "en-GB";
const DATE = { weekday: "short", day: "numeric", month: "short", year: "numeric" } as const;
const CLOCK = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } as const;
const BYTE_UNITS = ["B", "kB", "MB", "GB", "TB"];
const BYTES_FORMAT = new Intl.NumberFormat(LOCALE, { maximumSignificantDigits: 3 });
const COUNT_FORMAT = new Intl.NumberFormat(LOCALE);
const RELATIVE_FORMAT = new Intl.RelativeTimeFormat(LOCALE, { numeric: "auto" });
const RELATIVE_UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

function eventDateTime(instant: Instant, timeZone: string | undefined): string {
  const date = dateFormat({ ...DATE, timeZone })
    .format(new Date(instant))
    .replace(",", "");
  return `${date}, ${clock(instant, timeZone)}`;
}

function clock(instant: Instant, timeZone: string | undefined): string {
  return dateFormat({ ...CLOCK, timeZone }).format(new Date(instant));
}

/** Making a formatter is slow next to using one, and a table uses the same one for each row. */
const dateFormats = new Map<string, Intl.DateTimeFormat>();
function dateFormat(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = JSON.stringify(options);
  const format = dateFormats.get(key) ?? new Intl.DateTimeFormat(LOCALE, options);
  dateFormats.set(key, format);
  return format;
}

const moneyFormats = new Map<string, Intl.NumberFormat>();
function moneyFormat(currency: string): Intl.NumberFormat {
  const format =
    moneyFormats.get(currency) ??
    new Intl.NumberFormat(LOCALE, { style: "currency", currency, currencyDisplay: "code" });
  moneyFormats.set(currency, format);
  return format;
}

function digitsOf(format: Intl.NumberFormat): number {
  return format.resolvedOptions().maximumFractionDigits ?? 2;
}
