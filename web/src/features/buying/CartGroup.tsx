/** The part of the cart that becomes one order: its lines, their total and the button that buys. */
import { ActionIcon, Alert, Box, Button, Group, Stack, Text, Title } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { eventQuery } from "../../api/events";
import { useMe } from "../../api/me";
import { isProblem } from "../../api/problem";
import type { User } from "../../api/types";
import { DateLeaf } from "../../ui/DateLeaf";
import { formatEventTime, formatPrice } from "../../ui/format";
import { Icon } from "../../ui/icons";
import { ProblemAlert } from "../../ui/ProblemAlert";
import { QuantityStepper } from "../../ui/QuantityStepper";
import { Surface } from "../../ui/Surface";
import styles from "./CartPage.module.css";
import { cart } from "./cart";
import { type CurrencyGroup, lineProblem, lineTotal, type ReviewLine, readRefusal } from "./cartReview";
import { isRefusal, placeOrder } from "./queries";

export function CartGroup({ group, isOnlyOne }: { group: CurrencyGroup; isOnlyOne: boolean }) {
  const me = useMe();
  const checkout = useCheckout(group);
  const refusal = readRefusal(checkout.error, group.lines);
  const problems = new Map(group.lines.map((line) => [line.eventId, problemOf(line, refusal)]));
  const isHindered = group.lines.some((line) => lineProblem(line) !== null);

  return (
    <Surface>
      <Title order={2} className={isOnlyOne ? "visually-hidden" : undefined} mb="md">
        {isOnlyOne ? "What you buy" : `In ${group.currency}`}
      </Title>
      <ul className={styles.list}>
        {group.lines.map((line) => (
          <Line
            key={line.eventId}
            line={line}
            problem={problems.get(line.eventId) ?? null}
            isLocked={checkout.isPending}
            onChange={checkout.reset}
          />
        ))}
      </ul>
      <Stack gap="md">
        {refusal === null && <CheckoutProblem error={checkout.error} />}
        <div className={styles.total}>
          <div>
            <Text className={styles.sum}>{`Total ${formatPrice(group.total)}`}</Text>
            <Text size="sm" c="dimmed">
              {isHindered ? "Put the marked lines right first." : wordsAboutHolder(me)}
            </Text>
          </div>
          {me === null ? (
            <SignInToBuy />
          ) : (
            <Button
              size="md"
              miw={180}
              disabled={isHindered}
              loading={checkout.isPending}
              onClick={() => checkout.mutate(me)}
            >
              {group.total.amountMinor === 0 ? "Get the tickets" : `Buy for ${formatPrice(group.total)}`}
            </Button>
          )}
        </div>
      </Stack>
    </Surface>
  );
}

function useCheckout(group: CurrencyGroup) {
  const queryClient = useQueryClient();
  const navigate = useNavigate();
  const lines = group.lines.map(({ eventId, quantity }) => ({ eventId, quantity }));
  return useMutation({
    mutationFn: (buyer: User) => placeOrder(queryClient, buyer, lines),
    onSuccess: ({ id }) =>
      navigate({ to: "/orders/$orderId", params: { orderId: id }, state: { isPlaced: true } }),
    // What was refused has changed under the buyer; the lines should show how it stands now.
    onError: () =>
      Promise.all(lines.map(({ eventId }) => queryClient.invalidateQueries(eventQuery(eventId)))),
  });
}

/** What the event itself says is newer than the server's refusal, so it goes first. */
function problemOf(line: ReviewLine, refusal: { eventId: string; words: string } | null): string | null {
  return lineProblem(line) ?? (refusal?.eventId === line.eventId ? refusal.words : null);
}

function wordsAboutHolder(me: User | null): string {
  if (me === null) return "You need an account, so that the tickets are yours. The cart stays as it is.";
  return `The tickets are for ${me.firstName} ${me.lastName}, ${me.email}.`;
}

interface LineProps {
  line: ReviewLine;
  problem: string | null;
  isLocked: boolean;
  /** The buyer changed their mind: what was said about the old order no longer matters. */
  onChange: () => void;
}

function Line({ line, problem, isLocked, onChange }: LineProps) {
  const { event, eventId, quantity } = line;
  const most = Math.min(cart.roomFor(eventId), Math.max(event.seatsLeft, 1));
  const change = (wanted: number) => {
    cart.set(eventId, wanted);
    onChange();
  };

  return (
    <li className={styles.line}>
      <DateLeaf event={event} />
      <div className={styles.what}>
        <Link to="/events/$eventId" params={{ eventId }} className={styles.name}>
          {event.name}
        </Link>
        <Text size="sm" c="dimmed">
          {formatEventTime(event.startDate, event.timeZone)}
        </Text>
        <Text size="sm" c="dimmed">
          {`${event.location} · ${formatPrice(event.price)} each`}
        </Text>
      </div>
      <fieldset className={styles.quantity} disabled={isLocked}>
        <QuantityStepper
          label={`Tickets for ${event.name}`}
          value={quantity}
          max={Math.max(most, quantity)}
          onChange={change}
        />
      </fieldset>
      <Text className={styles.amount}>{formatPrice(lineTotal(line))}</Text>
      <ActionIcon
        className={styles.remove}
        variant="subtle"
        color="gray"
        size={44}
        aria-label={`Take ${event.name} out of the cart`}
        disabled={isLocked}
        onClick={() => change(0)}
      >
        <Icon name="bin" />
      </ActionIcon>
      {problem && (
        <div className={styles.problem} role="alert">
          <Icon name="warning" size={18} />
          {problem}
        </div>
      )}
    </li>
  );
}

function CheckoutProblem({ error }: { error: unknown }) {
  const alert = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (error) alert.current?.scrollIntoView({ block: "nearest" });
  }, [error]);

  if (error === null) return null;
  return (
    <Box mt="md" ref={alert}>
      {isRefusal(error) ? <ProblemAlert error={error} /> : <NoAnswer error={error} />}
    </Box>
  );
}

/** Nothing is known about an order that got no answer: it may have been placed. */
function NoAnswer({ error }: { error: unknown }) {
  const reference = isProblem(error) ? error.traceId : undefined;
  return (
    <Alert color="red" icon={<Icon name="warning" />} title="The server did not answer" role="alert">
      <Text size="sm">
        The order may or may not have gone through. Check your connection and try again: with this same cart
        nothing is bought twice.
      </Text>
      {reference && (
        <Text size="xs" mt="xs">
          Reference <code>{reference}</code>
        </Text>
      )}
    </Alert>
  );
}

function SignInToBuy() {
  const search = { return: "/cart" };
  return (
    <Group gap="sm" grow preventGrowOverflow={false}>
      <Button
        size="md"
        variant="default"
        renderRoot={(props) => <Link to="/sign-up" search={search} {...props} />}
      >
        Make an account
      </Button>
      <Button size="md" renderRoot={(props) => <Link to="/sign-in" search={search} {...props} />}>
        Sign in to buy
      </Button>
    </Group>
  );
}
