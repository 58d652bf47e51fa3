/** One's own orders, the latest first. */
import { Anchor, Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useEventsById } from "../../api/eventsById";
import { usePages } from "../../api/paging";
import type { Event, Order } from "../../api/types";
import { type Column, DataTable } from "../../ui/DataTable";
import { EmptyState } from "../../ui/EmptyState";
import { formatCount, formatMoment, formatPrice } from "../../ui/format";
import { PageHeader } from "../../ui/PageHeader";
import { StatusBadge } from "../../ui/StatusBadge";
import { Surface } from "../../ui/Surface";
import { eventIdsOf, nameOfOrder, ticketCountOf } from "./orderWords";
import { ordersQuery } from "./queries";

export function OrdersPage() {
  const { items: orders, onMore, isLoadingMore } = usePages(ordersQuery);
  const { events } = useEventsById(orders.flatMap(eventIdsOf));

  return (
    <>
      <PageHeader title="Orders" description={orders.length > 0 && "What you bought, the latest first."} />
      {orders.length === 0 ? (
        <NoOrders />
      ) : (
        <Surface>
          <DataTable
            caption="Your orders"
            columns={columnsWith(events)}
            rows={orders}
            rowKey={({ id }) => id}
            empty={null}
            onMore={onMore}
            isLoadingMore={isLoadingMore}
          />
        </Surface>
      )}
    </>
  );
}

function columnsWith(events: ReadonlyMap<string, Event>): Column<Order>[] {
  return [
    {
      key: "name",
      header: "Order",
      cell: (order) => (
        <Anchor
          inherit
          fw={600}
          renderRoot={(props) => <Link to="/orders/$orderId" params={{ orderId: order.id }} {...props} />}
        >
          {nameOfOrder(order, events)}
        </Anchor>
      ),
    },
    { key: "createdAt", header: "Bought", cell: ({ createdAt }) => formatMoment(createdAt) },
    { key: "status", header: "Status", cell: ({ status }) => <StatusBadge status={status} /> },
    {
      key: "tickets",
      header: "Tickets",
      isNumeric: true,
      cell: (order) => formatCount(ticketCountOf(order)),
    },
    { key: "total", header: "Total", isNumeric: true, cell: ({ total }) => formatPrice(total) },
  ];
}

function NoOrders() {
  return (
    <EmptyState
      icon="cart"
      title="No orders yet"
      action={
        <Button mt="sm" renderRoot={(props) => <Link to="/" {...props} />}>
          Look at the events
        </Button>
      }
    >
      Everything you buy is listed here, with what it cost and its tickets.
    </EmptyState>
  );
}
