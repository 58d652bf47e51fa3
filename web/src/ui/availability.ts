/** Whether tickets of an event can be had, and how scarce they are. */
import type { Event } from "../api/types";
import { formatCount, formatQuantity } from "./format";

export type Availability = "available" | "few" | "soldOut" | "over" | "cancelled" | "notOnSale";

const FEW_SHARE = 0.1;
const FEW_SEATS_MIN = 5;
const FEW_SEATS_MAX = 50;

export function availabilityOf(event: Event, now: Date = new Date()): Availability {
  if (event.status === "cancelled") return "cancelled";
  if (event.status === "completed" || new Date(event.endDate) <= now) return "over";
  if (event.status !== "published") return "notOnSale";
  if (event.seatsLeft <= 0) return "soldOut";
  return event.seatsLeft <= fewSeatsOf(event) ? "few" : "available";
}

/** True when at least one ticket can be bought now. */
export function isOnSale(event: Event): boolean {
  return ["available", "few"].includes(availabilityOf(event));
}

/** "Only 3 left", "Sold out": what is left, in words. */
export function availabilityText(event: Event): string {
  switch (availabilityOf(event)) {
    case "available":
      return `${formatQuantity(event.seatsLeft, "seat")} left`;
    case "few":
      return `Only ${formatCount(event.seatsLeft)} left`;
    case "soldOut":
      return "Sold out";
    case "over":
      return "Over";
    case "cancelled":
      return "Cancelled";
    case "notOnSale":
      return "Not on sale";
  }
}

/** A tenth of the house, within sense: neither one seat of a club nor a thousand of an arena. */
function fewSeatsOf({ seats }: Event): number {
  return Math.min(FEW_SEATS_MAX, Math.max(FEW_SEATS_MIN, seats * FEW_SHARE));
}
