/**
 * One event: what, when, where, for how much. The box in which its tickets are bought comes from
 * the route, as buying is a feature of its own.
 */
import { Alert, Anchor, Stack, Text, Title } from "@mantine/core";
import { useSuspenseQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { eventQuery } from "../../api/events";
import type { Event } from "../../api/types";
import { availabilityOf } from "../../ui/availability";
import { DateLeaf } from "../../ui/DateLeaf";
import { eventTypeLabel } from "../../ui/eventTypes";
import { formatEventSpan } from "../../ui/format";
import { Icon, type IconName } from "../../ui/icons";
import { useDocumentTitle } from "../../ui/PageHeader";
import { Surface } from "../../ui/Surface";
import { readDetails } from "./details";
import styles from "./EventPage.module.css";
import { watched } from "./queries";

const route = getRouteApi("/events/$eventId");

export function EventPage({ buyBox }: { buyBox: (event: Event) => ReactNode }) {
  const { eventId } = route.useParams();
  const { data: event } = useSuspenseQuery({ ...eventQuery(eventId), ...watched });
  useDocumentTitle(event.name);

  return (
    <>
      <div className={styles.head}>
        <DateLeaf event={event} />
        <div>
          <Text c="dimmed" size="sm" fw={600}>
            {eventTypeLabel(event.eventType)}
          </Text>
          <Title order={1}>{event.name}</Title>
        </div>
      </div>
      <Stack gap="lg">
        <StatusNote event={event} />
        <div className={styles.columns}>
          <Stack gap="lg">
            <Facts event={event} />
            <Details event={event} />
          </Stack>
          <div className={styles.buy}>{buyBox(event)}</div>
        </div>
      </Stack>
    </>
  );
}

function Facts({ event }: { event: Event }) {
  return (
    <Surface>
      <Stack gap="sm">
        <Fact icon="calendar" name="When">
          {formatEventSpan(event.startDate, event.endDate, event.timeZone)}
        </Fact>
        <Fact icon="pin" name="Where">
          {event.location}
        </Fact>
        {event.description && <Text className={styles.description}>{event.description}</Text>}
      </Stack>
    </Surface>
  );
}

function Fact({ icon, name, children }: { icon: IconName; name: string; children: ReactNode }) {
  return (
    <div className={styles.fact}>
      <Icon name={icon} />
      <Text fw={500}>
        <span className="visually-hidden">{name}: </span>
        {children}
      </Text>
    </div>
  );
}

function Details({ event }: { event: Event }) {
  const details = readDetails(event.details, event.timeZone);
  if (details.length === 0) return null;
  return (
    <Surface>
      <Title order={2} mb="sm">
        Good to know
      </Title>
      <dl className={styles.details}>
        {details.map(({ label, values }) => (
          <div key={label} style={{ display: "contents" }}>
            <dt>{label}</dt>
            <dd>
              {values.map((value) => (
                <DetailValue key={value} value={value} />
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </Surface>
  );
}

function DetailValue({ value }: { value: string }) {
  if (!/^https?:\/\/\S+$/.test(value)) return <div>{value}</div>;
  return (
    <div>
      <Anchor href={value} rel="noopener noreferrer nofollow" underline="always">
        {value.replace(/^https?:\/\//, "")}
      </Anchor>
    </div>
  );
}

function StatusNote({ event }: { event: Event }) {
  switch (availabilityOf(event)) {
    case "cancelled":
      return (
        <Alert color="red" icon={<Icon name="warning" />} title="This event is cancelled">
          It will not take place as announced here. If you hold a ticket, the organiser will be in touch.
        </Alert>
      );
    case "over":
      return (
        <Alert color="gray" icon={<Icon name="clock" />} title="This event is over">
          Tickets are no longer sold.
        </Alert>
      );
    case "notOnSale":
      return (
        <Alert color="amber" icon={<Icon name="edit" />} title="This event is a draft">
          Only its organiser sees this page. Publish it to put it on sale.
        </Alert>
      );
    default:
      return null;
  }
}
