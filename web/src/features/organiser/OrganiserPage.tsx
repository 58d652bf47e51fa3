/** Where an organiser's day begins: its events, or the way to found one. */
import { Button, Group, Text } from "@mantine/core";
import { useSuspenseQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { customersWhere, mayIn, meQuery } from "../../api/me";
import { usePages } from "../../api/paging";
import type { Event, EventStatus, Me } from "../../api/types";
import { type Column, DataTable } from "../../ui/DataTable";
import { EmptyState } from "../../ui/EmptyState";
import { FilterLinks } from "../../ui/FilterLinks";
import { formatCount, formatEventSpan, formatPrice } from "../../ui/format";
import { Icon } from "../../ui/icons";
import { Meter } from "../../ui/Meter";
import { PageHeader } from "../../ui/PageHeader";
import { StatusBadge } from "../../ui/StatusBadge";
import { Surface } from "../../ui/Surface";
import { CustomerSwitcher } from "./CustomerSwitcher";
import { chosenCustomer, SEES_EVENTS, seesAllCustomers, useCustomers } from "./customers";
import { FoundPage } from "./FoundPage";
import styles from "./organiser.module.css";
import { eventsQuery } from "./queries";

const route = getRouteApi("/_signedIn/organiser/");

export function OrganiserPage() {
  const { data: me } = useSuspenseQuery(meQuery);
  const search = route.useSearch();
  if (me === null) return null;

  const customerId = chosenCustomer(me, search, SEES_EVENTS);
  if (customerId === null && !seesAllCustomers(me)) {
    const [crewCompany] = customersWhere(me, "users:manage-crew");
    return crewCompany === undefined ? <FoundPage /> : <CrewCompanyPage customerId={crewCompany} />;
  }
  return <EventsOf me={me} customerId={customerId} />;
}

const STATUSES: { value: EventStatus | undefined; label: string }[] = [
  { value: undefined, label: "All" },
  { value: "draft", label: "Drafts" },
  { value: "published", label: "On sale" },
  { value: "completed", label: "Completed" },
  { value: "cancelled", label: "Cancelled" },
];

function EventsOf({ me, customerId }: { me: Me; customerId: string | null }) {
  const { status } = route.useSearch();
  const navigate = route.useNavigate();
  const { items, onMore, isLoadingMore } = usePages(
    eventsQuery({ customerId: customerId ?? undefined, status }),
  );
  const mayCreate = customerId !== null && mayIn(me, customerId, "events:create");

  return (
    <>
      <PageHeader
        title="Your events"
        description={<Whose me={me} customerId={customerId} />}
        actions={mayCreate && <NewEventButton customerId={customerId} />}
      />
      <Group justify="space-between" mb="md" gap="sm">
        <FilterLinks label="Which events">
          {STATUSES.map(({ value, label }) => (
            <Link
              key={label}
              to="/organiser"
              search={(before) => ({ ...before, status: value })}
              activeOptions={{ exact: true }}
            >
              {label}
            </Link>
          ))}
        </FilterLinks>
        <CustomerSwitcher
          me={me}
          permissions={SEES_EVENTS}
          value={customerId}
          onChange={(customer) => navigate({ search: (before) => ({ ...before, customer }) })}
        />
      </Group>
      <Surface>
        <DataTable
          caption="Events"
          columns={COLUMNS}
          rows={items}
          rowKey={({ id }) => id}
          onMore={onMore}
          isLoadingMore={isLoadingMore}
          empty={<NoEvents isFiltered={status !== undefined} customerId={mayCreate ? customerId : null} />}
        />
      </Surface>
    </>
  );
}

function Whose({ me, customerId }: { me: Me; customerId: string | null }) {
  const customers = useCustomers(customerId === null ? [] : [customerId]);
  if (customerId === null) return "The events of every organiser. Times are those of the venues.";
  const mayChange = mayIn(me, customerId, "events:update");
  return `${customers[0]?.name}. Times are those of the venues.${mayChange ? "" : " You may look, but not change."}`;
}

const COLUMNS: Column<Event>[] = [
  {
    key: "event",
    header: "Event",
    isTitle: true,
    cell: ({ id, name, startDate, endDate, timeZone, location }) => (
      <div className={styles.eventCell}>
        <Link to="/organiser/events/$eventId" params={{ eventId: id }} className={styles.rowLink}>
          {name}
        </Link>
        <Text size="sm" c="dimmed">
          {formatEventSpan(startDate, endDate, timeZone)}
        </Text>
        <Text size="sm" c="dimmed">
          {location}
        </Text>
      </div>
    ),
  },
  { key: "status", header: "Status", cell: ({ status }) => <StatusBadge status={status} /> },
  {
    key: "seats",
    header: "Sold",
    cell: ({ seats, seatsLeft }) => (
      <Meter value={seats - seatsLeft} max={seats}>
        {formatCount(seats - seatsLeft)} of {formatCount(seats)}
      </Meter>
    ),
  },
  { key: "price", header: "Price", isNumeric: true, cell: ({ price }) => formatPrice(price) },
];

function NewEventButton({ customerId }: { customerId: string }) {
  return (
    <Button
      leftSection={<Icon name="plus" size={18} />}
      renderRoot={(props) => <Link to="/organiser/events/new" search={{ customer: customerId }} {...props} />}
    >
      New event
    </Button>
  );
}

function NoEvents({ isFiltered, customerId }: { isFiltered: boolean; customerId: string | null }) {
  if (isFiltered) {
    return (
      <EmptyState icon="calendar" title="No event in this state">
        The other states may have some.
      </EmptyState>
    );
  }
  return (
    <EmptyState
      icon="calendar"
      title="No events yet"
      action={customerId !== null && <NewEventButton customerId={customerId} />}
    >
      An event starts as a draft that only you see. Publishing it puts its seats on sale.
    </EmptyState>
  );
}

function CrewCompanyPage({ customerId }: { customerId: string }) {
  const [company] = useCustomers([customerId]);
  return (
    <>
      <PageHeader title={company?.name ?? "Your crew company"} description="Crew company" />
      <Surface>
        <EmptyState
          icon="people"
          title="Your people come first"
          action={
            <Button
              mt="sm"
              renderRoot={(props) => (
                <Link to="/organiser/people" search={{ customer: customerId }} {...props} />
              )}
            >
              Go to the people
            </Button>
          }
        >
          A crew company puts on no events. Make accounts for those who work with you; organisers book them.
        </EmptyState>
      </Surface>
    </>
  );
}
