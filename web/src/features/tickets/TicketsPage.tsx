/** One's own tickets: what comes next first, what is cancelled apart. */
import { Button, Center, Stack, Text, Title } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useEventsById } from "../../api/eventsById";
import { usePages } from "../../api/paging";
import { DateLeaf } from "../../ui/DateLeaf";
import { EmptyState } from "../../ui/EmptyState";
import { formatEventTime } from "../../ui/format";
import { PageHeader } from "../../ui/PageHeader";
import { StatusBadge } from "../../ui/StatusBadge";
import { type EventTickets, sortTickets } from "./grouping";
import { ticketsQuery } from "./queries";
import styles from "./TicketsPage.module.css";

export function TicketsPage() {
  const { items: tickets, onMore, isLoadingMore } = usePages(ticketsQuery);
  const { events, isPending } = useEventsById(tickets.map(({ eventId }) => eventId));
  const { upcoming, past, cancelled } = sortTickets(tickets, events);

  return (
    <>
      <PageHeader
        title="Tickets"
        description={tickets.length > 0 && "Open one and show its code at the door."}
      />
      {tickets.length === 0 && <NoTickets />}
      {/* The order depends on the days of the events, so nothing is shown before they are known. */}
      {!isPending && (
        <Stack gap="xl">
          <Section title="Upcoming" groups={upcoming} />
          <Section title="Past" groups={past} />
          <Section title="Cancelled" groups={cancelled} />
        </Stack>
      )}
      {onMore && (
        <Center mt="lg">
          <Button variant="default" onClick={onMore} loading={isLoadingMore}>
            Show more
          </Button>
        </Center>
      )}
    </>
  );
}

function Section({ title, groups }: { title: string; groups: EventTickets[] }) {
  if (groups.length === 0) return null;
  return (
    <section aria-label={title}>
      <Title order={2} mb="sm">
        {title}
      </Title>
      <ul className={styles.list}>
        {groups.map((group) => (
          <li key={group.eventId}>
            <EventTicketsCard group={group} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function EventTicketsCard({ group: { event, tickets } }: { group: EventTickets }) {
  return (
    <div className={styles.event}>
      {event && <DateLeaf event={event} />}
      <div className={styles.text}>
        <div className={styles.head}>
          <Title order={3}>{event?.name ?? "An event that was taken down"}</Title>
          {event && (
            <Text size="sm" c="dimmed">
              {formatEventTime(event.startDate, event.timeZone)}
              <br />
              {event.location}
            </Text>
          )}
        </div>
        <ul className={styles.codes}>
          {tickets.map(({ code, status }) => (
            <li key={code}>
              <Link to="/tickets/$code" params={{ code }} className={styles.code}>
                <span>{code}</span>
                <StatusBadge status={status} />
              </Link>
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}

function NoTickets() {
  return (
    <EmptyState
      icon="ticket"
      title="No tickets yet"
      action={
        <Button mt="sm" renderRoot={(props) => <Link to="/" {...props} />}>
          Look at the events
        </Button>
      }
    >
      The tickets you buy are here, each with the code that opens the door.
    </EmptyState>
  );
}
