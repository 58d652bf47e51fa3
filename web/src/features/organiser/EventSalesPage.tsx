/** One event as its organiser sees it: how it sells, who comes, and what can be done with it. */
import { Anchor, Group, Stack, Text, Title } from "@mantine/core";
import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { mayIn, useMe } from "../../api/me";
import type { Event, Sales } from "../../api/types";
import { EmptyState } from "../../ui/EmptyState";
import { eventTypeLabel } from "../../ui/eventTypes";
import { FilterLinks } from "../../ui/FilterLinks";
import { formatCount, formatEventSpan, formatMoney, formatPrice } from "../../ui/format";
import { PageHeader } from "../../ui/PageHeader";
import { ProblemAlert } from "../../ui/ProblemAlert";
import { StatusBadge } from "../../ui/StatusBadge";
import { Surface } from "../../ui/Surface";
import { type ChartPoint, TimeChart } from "../../ui/TimeChart";
import { type Bucket, daysOf } from "../../ui/timeScale";
import { EventActions } from "./EventActions";
import { EventTickets } from "./EventTickets";
import { textOf } from "./eventFields";
import styles from "./organiser.module.css";
import { eventQuery, salesQuery } from "./queries";

const route = getRouteApi("/_signedIn/organiser/events/$eventId/");

export function EventSalesPage() {
  const { eventId } = route.useParams();
  const { data: stored } = useSuspenseQuery(eventQuery(eventId));
  const me = useMe();
  const event = stored.value;
  const mayManage = mayIn(me, event.customerId, "events:update");

  return (
    <>
      <PageHeader
        title={event.name}
        description={
          <>
            {formatEventSpan(event.startDate, event.endDate, event.timeZone)}
            <br />
            {event.location}
          </>
        }
        actions={<StatusBadge status={event.status} />}
      />
      <Stack gap="lg">
        {mayManage && <EventActions stored={stored} />}
        {mayManage && <SalesOf event={event} />}
        {mayManage && event.status !== "draft" && <EventTickets event={event} />}
        <Facts event={event} />
      </Stack>
    </>
  );
}

function SalesOf({ event }: { event: Event }) {
  const { bucket = "day" } = route.useSearch();
  const { data: sales, error, refetch } = useQuery(salesQuery(event.id));
  if (event.status === "draft") return <DraftAdvice />;
  if (error) return <ProblemAlert error={error} onRetry={() => refetch()} />;
  if (sales === undefined) return <Surface mih={420}>{null}</Surface>;

  return (
    <>
      <Figures sales={sales} />
      <Surface>
        <Group justify="space-between" mb="sm">
          <Title order={2}>Sales</Title>
          <FilterLinks label="Length of a bar">
            <Link
              from="/organiser/events/$eventId/"
              to="."
              search={(before) => ({ ...before, bucket: undefined })}
              activeOptions={{ exact: true }}
              resetScroll={false}
            >
              By day
            </Link>
            <Link
              from="/organiser/events/$eventId/"
              to="."
              search={(before) => ({ ...before, bucket: "hour" as const })}
              activeOptions={{ exact: true }}
              resetScroll={false}
            >
              By hour
            </Link>
          </FilterLinks>
        </Group>
        {sales.points.length === 0 ? (
          <EmptyState icon="chart" title="No ticket sold yet">
            The first sale begins the plot. Share the event's public page to get there.
          </EmptyState>
        ) : (
          <TimeChart
            title="Tickets sold"
            points={pointsOf(sales, bucket, event.timeZone)}
            bucket={bucket}
            timeZone={event.timeZone}
            unit="tickets"
          />
        )}
      </Surface>
    </>
  );
}

function pointsOf(sales: Sales, bucket: Bucket, timeZone: string): ChartPoint[] {
  const hours = sales.points.map(({ start, tickets, revenue }) => ({ start, value: tickets, revenue }));
  const points =
    bucket === "hour"
      ? hours
      : daysOf(hours, timeZone, (day, hour) => ({
          start: day.start,
          value: day.value + hour.value,
          revenue: { ...day.revenue, amountMinor: day.revenue.amountMinor + hour.revenue.amountMinor },
        }));
  return points.map(({ revenue, ...point }) => ({ ...point, note: formatMoney(revenue) }));
}

function Figures({ sales }: { sales: Sales }) {
  const figures = [
    { name: "Sold", value: formatCount(sales.ticketsSold) },
    { name: "Seats left", value: formatCount(sales.seatsLeft) },
    { name: "Revenue", value: formatMoney(sales.revenue) },
    { name: "Checked in", value: formatCount(sales.ticketsCheckedIn) },
    { name: "Cancelled", value: formatCount(sales.ticketsCancelled) },
  ];
  return (
    <dl className={styles.figures}>
      {figures.map(({ name, value }) => (
        <div key={name} className={styles.figure}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function DraftAdvice() {
  return (
    <Surface>
      <EmptyState icon="calendar" title="This is a draft">
        Nobody but your organiser sees it, and no seat is on sale. Read it through once more, then publish it.
      </EmptyState>
    </Surface>
  );
}

function Facts({ event }: { event: Event }) {
  return (
    <Surface>
      <Group justify="space-between" mb="sm">
        <Title order={2}>About the event</Title>
        {event.status !== "draft" && (
          <Anchor
            underline="always"
            renderRoot={(props) => <Link to="/events/$eventId" params={{ eventId: event.id }} {...props} />}
          >
            Public page
          </Anchor>
        )}
      </Group>
      <dl className={styles.facts}>
        <dt>Kind</dt>
        <dd>{eventTypeLabel(event.eventType)}</dd>
        <dt>Seats</dt>
        <dd>{formatCount(event.seats)}</dd>
        <dt>Price</dt>
        <dd>{formatPrice(event.price)}</dd>
        {Object.entries(event.details).map(([key, value]) => (
          <div key={key} style={{ display: "contents" }}>
            <dt>{key}</dt>
            <dd>{textOf(value)}</dd>
          </div>
        ))}
      </dl>
      {event.description && (
        <Text mt="md" style={{ whiteSpace: "pre-line" }}>
          {event.description}
        </Text>
      )}
    </Surface>
  );
}
