/** What is left of an event, as words with a colour; plain text while there is plenty. */
import { Badge, Text } from "@mantine/core";
import type { Event } from "../api/types";
import { type Availability, availabilityOf, availabilityText } from "./availability";

const COLORS: Partial<Record<Availability, string>> = {
  few: "amber",
  soldOut: "red",
  cancelled: "red",
  over: "gray",
  notOnSale: "gray",
};

export function AvailabilityBadge({ event }: { event: Event }) {
  const color = COLORS[availabilityOf(event)];
  const words = availabilityText(event);
  if (color === undefined) {
    return (
      <Text span size="sm" c="dimmed">
        {words}
      </Text>
    );
  }
  return (
    <Badge variant="light" color={color} tt="none" fw={600}>
      {words}
    </Badge>
  );
}
