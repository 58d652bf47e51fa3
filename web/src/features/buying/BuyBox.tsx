/** Where tickets of one event are taken: the price, what is left, how many, into the cart or at once. */
import { Anchor, Button, Group, Stack, Text, Title } from "@mantine/core";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import type { Event } from "../../api/types";
import { AvailabilityBadge } from "../../ui/AvailabilityBadge";
import { availabilityOf, isOnSale } from "../../ui/availability";
import { formatMoney, formatPrice, formatQuantity } from "../../ui/format";
import { QuantityStepper } from "../../ui/QuantityStepper";
import { Surface } from "../../ui/Surface";
import styles from "./BuyBox.module.css";
import { cart, TICKETS_MAX, useCart } from "./cart";

export function BuyBox({ event }: { event: Event }) {
  return (
    <Surface>
      <Stack gap="md">
        <Title order={2} className="visually-hidden">
          Tickets
        </Title>
        <Group justify="space-between" align="center" gap="xs">
          <Text className={styles.price}>{formatPrice(event.price)}</Text>
          <AvailabilityBadge event={event} />
        </Group>
        {isOnSale(event) ? <Choice event={event} /> : <NotToBeHad event={event} />}
        <InCart eventId={event.id} />
      </Stack>
    </Surface>
  );
}

function Choice({ event }: { event: Event }) {
  const lines = useCart();
  const navigate = useNavigate();
  const [wanted, setWanted] = useState(1);
  const [added, setAdded] = useState(0);

  const inCart = lines.find(({ eventId }) => eventId === event.id)?.quantity ?? 0;
  const most = Math.min(event.seatsLeft, cart.roomFor(event.id));
  const canAdd = inCart + wanted <= most;
  const quantity = Math.min(wanted, Math.max(1, most));

  const add = () => {
    cart.add(event.id, quantity);
    setAdded(quantity);
    setWanted(1);
  };
  const buyNow = () => {
    cart.set(event.id, quantity);
    navigate({ to: "/cart" });
  };

  if (most < 1) return <Text>{`Your cart holds ${TICKETS_MAX} tickets, the most for one purchase.`}</Text>;
  return (
    <>
      <div className={styles.count}>
        <QuantityStepper label="Number of tickets" value={quantity} max={most} onChange={setWanted} />
        {event.price.amountMinor > 0 && quantity > 1 && (
          <Text c="dimmed" size="sm">
            {`Together ${formatMoney({ ...event.price, amountMinor: event.price.amountMinor * quantity })}`}
          </Text>
        )}
      </div>
      <Stack gap="xs">
        <Button size="md" onClick={buyNow}>
          Buy now
        </Button>
        <Button size="md" variant="default" disabled={!canAdd} onClick={add}>
          Add to cart
        </Button>
        <Text role="status" size="sm" c="dimmed" ta="center">
          {added > 0 && `${formatQuantity(added, "ticket")} added.`}
        </Text>
      </Stack>
    </>
  );
}

function InCart({ eventId }: { eventId: string }) {
  useCart();
  const quantity = cart.quantityOf(eventId);
  if (quantity === 0) return null;
  return (
    <Text size="sm" ta="center">
      {`${formatQuantity(quantity, "ticket")} in your cart. `}
      <Anchor inherit underline="always" renderRoot={(props) => <Link to="/cart" {...props} />}>
        Look at the cart
      </Anchor>
    </Text>
  );
}

function NotToBeHad({ event }: { event: Event }) {
  switch (availabilityOf(event)) {
    case "soldOut":
      return (
        <Text c="dimmed" size="sm">
          All seats are taken. When somebody gives a ticket back it shows here at once, so it may be worth
          coming back.
        </Text>
      );
    case "notOnSale":
      return (
        <Text c="dimmed" size="sm">
          Tickets can be bought once the event is published.
        </Text>
      );
    default:
      return null;
  }
}
