/** One ticket: the code for the door, on the screen or on paper, and the way to give it back. */
import { Alert, Anchor, Button, Group, Stack, Text } from "@mantine/core";
import { useQuery, useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";
import { eventQuery } from "../../api/events";
import type { Event, Ticket } from "../../api/types";
import { ConfirmDialog } from "../../ui/ConfirmDialog";
import { Icon } from "../../ui/icons";
import { useDocumentTitle } from "../../ui/PageHeader";
import { TicketFace } from "../../ui/TicketFace";
import { cancelTicket, ticketQuery } from "./queries";

const route = getRouteApi("/_signedIn/tickets/$code");
/** The page is held up at the door, where being checked in should show on it. */
const REFRESH_MS = 10_000;

export function TicketPage() {
  const { code } = route.useParams();
  const { data: ticket } = useSuspenseQuery({
    ...ticketQuery(code),
    refetchInterval: ({ state }) => (state.data?.status === "valid" ? REFRESH_MS : false),
  });
  const { data: event } = useQuery(eventQuery(ticket.eventId));
  useDocumentTitle(event ? `Ticket, ${event.name}` : "Ticket");

  return (
    <Stack gap="md" maw={860} mx="auto">
      <Group justify="space-between" className="not-on-paper">
        <Anchor size="sm" underline="always" renderRoot={(props) => <Link to="/tickets" {...props} />}>
          All tickets
        </Anchor>
        {ticket.status !== "cancelled" && (
          <Button variant="default" leftSection={<Icon name="printer" size={18} />} onClick={() => print()}>
            Print
          </Button>
        )}
      </Group>
      {event?.status === "cancelled" && ticket.status !== "cancelled" && <EventIsOff />}
      <TicketFace ticket={ticket} event={event} level={1} />
      <Group justify="space-between" className="not-on-paper">
        <Anchor
          size="sm"
          underline="always"
          renderRoot={(props) => (
            <Link to="/orders/$orderId" params={{ orderId: ticket.orderId }} {...props} />
          )}
        >
          The order it belongs to
        </Anchor>
        {ticket.status === "valid" && <CancelTicket ticket={ticket} event={event} />}
      </Group>
    </Stack>
  );
}

function CancelTicket({ ticket, event }: { ticket: Ticket; event: Event | undefined }) {
  const [isAsking, setIsAsking] = useState(false);
  const queryClient = useQueryClient();
  return (
    <>
      <Button variant="subtle" color="red" onClick={() => setIsAsking(true)}>
        Cancel this ticket
      </Button>
      <ConfirmDialog
        isOpen={isAsking}
        onClose={() => setIsAsking(false)}
        title="Cancel this ticket?"
        confirmLabel="Cancel the ticket"
        onConfirm={() => cancelTicket(queryClient, ticket.code)}
      >
        <Text>
          The seat{event && ` at ${event.name}`} is given back and somebody else can buy it. The code{" "}
          <code>{ticket.code}</code> opens no door any more. This cannot be undone.
        </Text>
      </ConfirmDialog>
    </>
  );
}

function EventIsOff() {
  return (
    <Alert color="red" icon={<Icon name="warning" />} title="This event is cancelled">
      It will not take place as announced. The organiser will be in touch.
    </Alert>
  );
}
