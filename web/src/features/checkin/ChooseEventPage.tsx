/** Chooses the event at whose door one stands. */
import { Text, Title } from "@mantine/core";
import { useSuspenseQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { meQuery } from "../../api/me";
import type { Event } from "../../api/types";
import { EmptyState } from "../../ui/EmptyState";
import { formatEventTime, formatRelative } from "../../ui/format";
import { Icon } from "../../ui/icons";
import { PageHeader } from "../../ui/PageHeader";
import styles from "./checkin.module.css";
import { customersAtDoor } from "./customers";
import { doorEventsQuery } from "./queries";

const HOUR_MS = 3_600_000;
/** Doors open before the event starts. */
const DOORS_EARLY_MS = 6 * HOUR_MS;

export function ChooseEventPage() {
  const { data: me } = useSuspenseQuery(meQuery);
  const customerIds = customersAtDoor(me);
  if (customerIds === null) return <NotAtDoor />;
  return <Choice customerIds={customerIds} />;
}

function Choice({ customerIds }: { customerIds: string[] }) {
  const { data: events } = useSuspenseQuery(doorEventsQuery(customerIds));
  const [now] = useState(() => Date.now());
  const isOver = (event: Event) => Date.parse(event.endDate) < now;
  const isOn = (event: Event) => !isOver(event) && Date.parse(event.startDate) - DOORS_EARLY_MS < now;

  const groups = [
    { title: "Now", events: events.filter(isOn) },
    { title: "Coming", events: events.filter((event) => !isOn(event) && !isOver(event)) },
    { title: "Over", events: events.filter(isOver).reverse() },
  ].filter((group) => group.events.length > 0);

  return (
    <>
      <PageHeader title="Check in" description="At which door do you stand?" />
      {groups.length === 0 && (
        <EmptyState icon="scan" title="No event is on sale">
          Tickets are checked in for events that are published. Yours appear here as soon as they are.
        </EmptyState>
      )}
      {groups.map(({ title, events: inGroup }) => (
        <section key={title} className={styles.group}>
          <Title order={2} size="h3" mb="xs">
            {title}
          </Title>
          <ul className={styles.events}>
            {inGroup.map((event) => (
              <li key={event.id}>
                <EventLink event={event} />
              </li>
            ))}
          </ul>
        </section>
      ))}
    </>
  );
}

function EventLink({ event }: { event: Event }) {
  return (
    <Link to="/check-in/$eventId" params={{ eventId: event.id }} className={styles.event}>
      <span>
        <b>{event.name}</b>
        <Text size="sm" c="dimmed" component="span">
          {formatEventTime(event.startDate, event.timeZone)}, {formatRelative(event.startDate)}
        </Text>
        <Text size="sm" c="dimmed" component="span">
          {event.location}
        </Text>
      </span>
      <Icon name="scan" size={28} />
    </Link>
  );
}

function NotAtDoor() {
  return (
    <EmptyState icon="scan" title="You are not at a door" level={1}>
      An administrator of an organiser can give you the role for it, on its people page.
    </EmptyState>
  );
}
