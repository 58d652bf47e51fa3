/** One order: what it cost and its tickets. Right after buying it says that all went well. */
import { Anchor, Button, Stack, Text, ThemeIcon, Title } from "@mantine/core";
import { useSuspenseQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useLocation } from "@tanstack/react-router";
import { useEventsById } from "../../api/eventsById";
import type { Event, Order } from "../../api/types";
import { type Column, DataTable } from "../../ui/DataTable";
import { formatCount, formatMoment, formatPrice, formatQuantity } from "../../ui/format";
import { Icon } from "../../ui/icons";
import { PageHeader } from "../../ui/PageHeader";
import { StatusBadge } from "../../ui/StatusBadge";
import { Surface } from "../../ui/Surface";
import { TicketFace } from "../../ui/TicketFace";
import { countTickets, useCart } from "./cart";
import styles from "./OrderPage.module.css";
import { eventIdsOf, nameOfOrder, ticketCountOf } from "./orderWords";
import { orderQuery } from "./queries";

declare module "@tanstack/react-router" {
  interface HistoryState {
    /** The order on this page was placed by the step that led here. */
    isPlaced?: boolean;
  }
}

const route = getRouteApi("/_signedIn/orders/$orderId");

export function OrderPage() {
  const { orderId } = route.useParams();
  const { data: order } = useSuspenseQuery(orderQuery(orderId));
  const { events } = useEventsById(eventIdsOf(order));
  const isPlaced = useLocation({ select: ({ state }) => state.isPlaced === true });
  const canPrint = order.tickets.some(({ status }) => status !== "cancelled");

  return (
    <div className={styles.page}>
      <div className="not-on-paper">
        {isPlaced ? <YouAreIn order={order} /> : <OrderHeader order={order} events={events} />}
      </div>
      <Stack gap="lg">
        <div className={`${styles.bar} not-on-paper`}>
          <Title order={2}>{formatQuantity(order.tickets.length, "ticket")}</Title>
          {canPrint && (
            <Button variant="default" leftSection={<Icon name="printer" size={18} />} onClick={() => print()}>
              {order.tickets.length === 1 ? "Print the ticket" : "Print the tickets"}
            </Button>
          )}
        </div>
        <div className={styles.tickets}>
          {order.tickets.map((ticket) => (
            <TicketFace
              key={ticket.code}
              ticket={ticket}
              event={events.get(ticket.eventId)}
              level={3}
              isLink
            />
          ))}
        </div>
        <div className="not-on-paper">
          <Bill order={order} events={events} />
        </div>
      </Stack>
    </div>
  );
}

function YouAreIn({ order }: { order: Order }) {
  const waiting = countTickets(useCart());
  const tickets = ticketCountOf(order);
  return (
    <div className={styles.welcome}>
      <ThemeIcon size={56} radius="xl" color="green" variant="light">
        <Icon name="check" size={30} />
      </ThemeIcon>
      <PageHeader
        title="You're in"
        description={`${tickets === 1 ? "Your ticket is" : "Your tickets are"} below. Show the code at the door, on the screen or on paper.`}
      />
      {waiting > 0 && (
        <Text mb="lg">
          {`${formatQuantity(waiting, "ticket")} more in your cart. `}
          <Anchor inherit underline="always" renderRoot={(props) => <Link to="/cart" {...props} />}>
            Back to the cart
          </Anchor>
        </Text>
      )}
    </div>
  );
}

function OrderHeader({ order, events }: { order: Order; events: ReadonlyMap<string, Event> }) {
  return (
    <PageHeader
      title={nameOfOrder(order, events)}
      description={`Bought ${formatMoment(order.createdAt)}`}
      actions={<StatusBadge status={order.status} />}
    />
  );
}

type OrderLine = Order["lines"][number];

function Bill({ order, events }: { order: Order; events: ReadonlyMap<string, Event> }) {
  const columns: Column<OrderLine>[] = [
    { key: "event", header: "Event", cell: ({ eventId }) => events.get(eventId ?? "")?.name ?? "Tickets" },
    { key: "quantity", header: "Tickets", isNumeric: true, cell: ({ quantity }) => formatCount(quantity) },
    { key: "price", header: "Each", isNumeric: true, cell: ({ unitPrice }) => formatPrice(unitPrice) },
    {
      key: "sum",
      header: "Sum",
      isNumeric: true,
      cell: ({ quantity, unitPrice }) =>
        formatPrice({ ...unitPrice, amountMinor: unitPrice.amountMinor * quantity }),
    },
  ];
  return (
    <Surface>
      <Title order={2} mb="xs">
        What it cost
      </Title>
      <DataTable
        caption="Lines of the order"
        columns={columns}
        rows={order.lines}
        rowKey={({ eventId, packetId }) => eventId ?? packetId ?? ""}
        empty={null}
      />
      <Text className={styles.total}>{`Total ${formatPrice(order.total)}`}</Text>
      <Text size="sm" c="dimmed" mt="sm">
        Order <code>{order.id}</code>
      </Text>
    </Surface>
  );
}
