/** The state of an event, order or ticket, as a word with a colour; never the colour alone. */
import { Badge } from "@mantine/core";
import type { EventStatus, OrderStatus, TicketStatus } from "../api/types";

export type Status = EventStatus | OrderStatus | TicketStatus;

const LOOKS: Record<Status, { label: string; color: string }> = {
  draft: { label: "Draft", color: "gray" },
  published: { label: "On sale", color: "green" },
  cancelled: { label: "Cancelled", color: "red" },
  completed: { label: "Completed", color: "blue" },
  confirmed: { label: "Confirmed", color: "green" },
  valid: { label: "Valid", color: "green" },
  checkedIn: { label: "Checked in", color: "blue" },
};

export function StatusBadge({ status, label }: { status: Status; label?: string }) {
  const look = LOOKS[status];
  return (
    <Badge variant="light" color={look.color} tt="none" fw={600}>
      {label ?? look.label}
    </Badge>
  );
}
