/**
 * The cart before it is bought: what each line costs now, whether it can still be had, and the way
 * to buy. An order has one currency, so a mixed cart is bought in several orders.
 */
import { Alert, Button, Stack, Text } from "@mantine/core";
import { useQueries } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { eventQuery } from "../../api/events";
import { isProblem } from "../../api/problem";
import { EmptyState } from "../../ui/EmptyState";
import { formatQuantity } from "../../ui/format";
import { Icon } from "../../ui/icons";
import { PageHeader } from "../../ui/PageHeader";
import { ProblemAlert } from "../../ui/ProblemAlert";
import { CartGroup } from "./CartGroup";
import { type CartLine, cart, countTickets, TICKETS_MAX, useCart } from "./cart";
import { groupByCurrency, type ReviewLine } from "./cartReview";

const SEATS_REFRESH_MS = 10_000;

export function CartPage() {
  const lines = useCart();
  if (lines.length === 0) return <EmptyCart />;
  return <Review lines={lines} />;
}

function Review({ lines }: { lines: readonly CartLine[] }) {
  const answers = useQueries({
    queries: lines.map(({ eventId }) => ({ ...eventQuery(eventId), refetchInterval: SEATS_REFRESH_MS })),
  });
  const known: ReviewLine[] = [];
  const gone: string[] = [];
  let problem: unknown = null;
  for (const [index, line] of lines.entries()) {
    const answer = answers[index];
    if (answer?.data) known.push({ ...line, event: answer.data });
    else if (isProblem(answer?.error) && answer.error.status === 404) gone.push(line.eventId);
    else problem ??= answer?.error;
  }
  const groups = groupByCurrency(known);
  const isLoading = answers.some(({ isPending }) => isPending);
  const retry = () => {
    for (const { isError, refetch } of answers) if (isError) refetch();
  };

  return (
    <>
      <PageHeader
        title="Your cart"
        description={`${formatQuantity(countTickets(lines), "ticket")}, of at most ${TICKETS_MAX} in one go.`}
      />
      <Stack gap="lg">
        {gone.length > 0 && <GoneLines eventIds={gone} />}
        {problem !== null && <ProblemAlert error={problem} onRetry={retry} />}
        {groups.length > 1 && <MixedCurrencies currencies={groups.map(({ currency }) => currency)} />}
        {groups.map((group) => (
          <CartGroup key={group.currency} group={group} isOnlyOne={groups.length === 1} />
        ))}
        {isLoading && (
          <Text role="status" c="dimmed">
            Asking for the prices
          </Text>
        )}
      </Stack>
    </>
  );
}

function MixedCurrencies({ currencies }: { currencies: string[] }) {
  return (
    <Alert color="amber" icon={<Icon name="warning" />} title={`Your cart is in ${currencies.join(" and ")}`}>
      An order has one currency. Buy each part by itself; what you have not bought yet stays in the cart.
    </Alert>
  );
}

function GoneLines({ eventIds }: { eventIds: string[] }) {
  return (
    <Alert color="amber" icon={<Icon name="warning" />} title="Something in your cart is gone">
      <Stack gap="xs" align="flex-start">
        <Text size="sm">
          {`${formatQuantity(eventIds.length, "event")} can no longer be found. The organiser may have taken it down.`}
        </Text>
        <Button size="xs" variant="default" onClick={() => cart.remove(eventIds)}>
          Take it out
        </Button>
      </Stack>
    </Alert>
  );
}

function EmptyCart() {
  return (
    <>
      <PageHeader title="Your cart" />
      <EmptyState
        icon="cart"
        title="Your cart is empty"
        action={
          <Button mt="sm" renderRoot={(props) => <Link to="/" {...props} />}>
            Look at the events
          </Button>
        }
      >
        Tickets you pick wait here until you buy them, also when you close the window.
      </EmptyState>
    </>
  );
}
