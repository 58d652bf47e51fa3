/** What can be done with an event in its present state: publish, cancel, complete, delete, change. */
import { Button, Group, Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import type { Event, EventStatus } from "../../api/types";
import { isStale, type Versioned } from "../../api/versioned";
import { ConfirmDialog } from "../../ui/ConfirmDialog";
import { formatQuantity } from "../../ui/format";
import { Icon } from "../../ui/icons";
import { deleteEvent, updateEvent } from "./queries";

type Action = "publish" | "cancel" | "complete" | "delete";

const ACTIONS: Record<EventStatus, Action[]> = {
  draft: ["delete", "publish"],
  published: ["cancel", "complete"],
  cancelled: [],
  completed: [],
};

interface ActionText {
  label: string;
  title: string;
  isDangerous: boolean;
  explain: (event: Event) => ReactNode;
}

const TEXTS: Record<Action, ActionText> = {
  publish: {
    label: "Publish",
    title: "Put this event on sale?",
    isDangerous: false,
    explain: ({ name, seats }) =>
      `${name} becomes public and its ${formatQuantity(seats, "seat")} can be bought at once. It cannot become a draft again.`,
  },
  cancel: {
    label: "Cancel the event",
    title: "Cancel this event?",
    isDangerous: true,
    explain: ({ name, seats, seatsLeft }) =>
      `${name} is taken off sale for good. ${formatQuantity(seats - seatsLeft, "ticket")} sold so far. This cannot be taken back.`,
  },
  complete: {
    label: "Complete",
    title: "Mark this event as completed?",
    isDangerous: false,
    explain: ({ name }) => `${name} is over: its sale and its doors close. This cannot be taken back.`,
  },
  delete: {
    label: "Delete the draft",
    title: "Delete this draft?",
    isDangerous: true,
    explain: ({ name }) => `${name} was never public, so nobody will miss it. This cannot be taken back.`,
  },
};

const STATUS_AFTER: Record<Exclude<Action, "delete">, EventStatus> = {
  publish: "published",
  cancel: "cancelled",
  complete: "completed",
};

export function EventActions({ stored }: { stored: Versioned<Event> }) {
  const event = stored.value;
  const [action, setAction] = useState<Action>("publish");
  const [isAsking, setIsAsking] = useState(false);
  const queryClient = useQueryClient();
  const navigate = useNavigate();
  const text = TEXTS[action];

  const ask = (wanted: Action) => {
    setAction(wanted);
    setIsAsking(true);
  };
  const perform = async () => {
    try {
      if (action === "delete") await deleteEvent(stored);
      else await updateEvent(stored, { status: STATUS_AFTER[action] });
    } catch (error) {
      // The dialog says what happened; asking once more is then about what is stored now.
      if (isStale(error)) await queryClient.invalidateQueries();
      throw error;
    }
    if (action === "delete") {
      await navigate({ to: "/organiser", search: { customer: event.customerId } });
    }
    await queryClient.invalidateQueries();
  };

  const isOpen = event.status === "draft" || event.status === "published";
  if (!isOpen) {
    return <Text c="dimmed">This event is over. Its figures stay as they are.</Text>;
  }
  return (
    <Group gap="sm">
      {(ACTIONS[event.status] ?? []).map((possible) => (
        <Button
          key={possible}
          variant={possible === "publish" ? "filled" : "default"}
          onClick={() => ask(possible)}
        >
          {TEXTS[possible].label}
        </Button>
      ))}
      <Button
        variant="default"
        leftSection={<Icon name="edit" size={18} />}
        renderRoot={(props) => (
          <Link to="/organiser/events/$eventId/edit" params={{ eventId: event.id }} {...props} />
        )}
      >
        Change
      </Button>
      {event.status === "published" && (
        <Button
          variant="default"
          leftSection={<Icon name="scan" size={18} />}
          renderRoot={(props) => <Link to="/check-in/$eventId" params={{ eventId: event.id }} {...props} />}
        >
          Check in
        </Button>
      )}
      <ConfirmDialog
        isOpen={isAsking}
        onClose={() => setIsAsking(false)}
        title={text.title}
        confirmLabel={text.label}
        isDangerous={text.isDangerous}
        onConfirm={perform}
      >
        {text.explain(event)}
      </ConfirmDialog>
    </Group>
  );
}
