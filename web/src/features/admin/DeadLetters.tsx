/** Messages that were given up, by services or by programs outside: why, what they say, and what is to become of them. */
import { Alert, Anchor, Button, Code, Group, Loader, Select, Stack, Text, Title } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Fragment, useState } from "react";
import { mayEverywhere, useMe } from "../../api/me";
import { usePagesInPlace } from "../../api/paging";
import type { MessagesBroker, MessagesOverview } from "../../api/types";
import { ConfirmDialog } from "../../ui/ConfirmDialog";
import { EmptyState } from "../../ui/EmptyState";
import { formatCount, formatQuantity } from "../../ui/format";
import { ProblemAlert } from "../../ui/ProblemAlert";
import { Surface } from "../../ui/Surface";
import { Since } from "./MessageWords";
import {
  chosenIn,
  type Deed,
  type LetterRow,
  type Letters,
  lettersQuery,
  outsideOf,
  settleLetters,
} from "./messages";
import styles from "./messages.module.css";

const route = getRouteApi("/_signedIn/admin/messages/");

/** What somebody is asked about before it is done. */
interface Question {
  deed: Deed;
  which: Letters;
  /** "3 dead letters of audit.record". */
  words: string;
}

export function DeadLetters({ overview }: { overview: MessagesOverview }) {
  const search = route.useSearch();
  const me = useMe();
  const { items, error, onRetry, onMore, isLoadingMore } = usePagesInPlace(lettersQuery(search));
  const [asked, setAsked] = useState<Question | null>(null);
  const mayManage = mayEverywhere(me, "messages:manage");
  const chosen = chosenIn(search);

  return (
    <Stack gap="md">
      <Group align="flex-end" justify="space-between" gap="sm">
        <ConsumerFilter overview={overview} />
        {mayManage && chosen && items && items.length > 0 && (
          <AllOfConsumer chosen={chosen} overview={overview} onAsk={setAsked} />
        )}
      </Group>
      {chosen === null && <GivenUpOutside outside={outsideOf(overview.broker)} />}
      <ProblemAlert error={error} messages={search.stream ? AT_BROKER : undefined} onRetry={onRetry} />
      {items === undefined && !error && <Loader aria-label="Looking for dead letters" />}
      {items?.length === 0 && !error && (
        <Surface>
          <Nothing chosen={chosen} />
        </Surface>
      )}
      {items && items.length > 0 && (
        <ul className={styles.letters}>
          {items.map((letter) => (
            <li key={JSON.stringify(letter.which)}>
              <Letter letter={letter} onAsk={mayManage ? setAsked : undefined} />
            </li>
          ))}
        </ul>
      )}
      {onMore && (
        <Button variant="default" onClick={onMore} loading={isLoadingMore} mx="auto">
          Show more
        </Button>
      )}
      <SettleDialog question={asked} onClose={() => setAsked(null)} />
    </Stack>
  );
}

/** Why there is no list of what a program gave up. */
const AT_BROKER = {
  no_consumer: "This consumer is not at the broker any more, and its dead letters went with it.",
  dead_letters_not_kept: "Only the embedded broker keeps what programs outside gave up.",
  unavailable: "The broker is away. It has the dead letters when it is back.",
};

function Letter({ letter, onAsk }: { letter: LetterRow; onAsk?: (question: Question) => void }) {
  const { title, about, why, tries, at, which } = letter;
  const ask = (deed: Deed) => onAsk?.({ deed, which, words: `${title} for ${which.consumer}` });
  return (
    <Surface>
      <Stack gap="sm">
        <Group justify="space-between" align="flex-start" gap="sm">
          <div>
            <Title order={2} size="h4" className={styles.wraps}>
              {title}
            </Title>
            <Text size="sm" c="dimmed" className={styles.wraps}>
              for <code>{which.consumer}</code>
              {about}
            </Text>
          </div>
          {onAsk && (
            <Group gap="xs">
              <Button size="xs" variant="default" onClick={() => ask("replay")}>
                Replay
              </Button>
              <Button size="xs" variant="light" color="red" onClick={() => ask("drop")}>
                Drop
              </Button>
            </Group>
          )}
        </Group>
        <Alert color="red" className={styles.wraps}>
          {why}
        </Alert>
        <Text size="sm" c="dimmed">
          {tries} <Since at={at} />
        </Text>
        <MessageText letter={letter} />
      </Stack>
    </Surface>
  );
}

function MessageText({ letter: { message, isCut } }: { letter: LetterRow }) {
  if (message === null) {
    return (
      <Text size="sm" c="dimmed">
        The broker does not keep the message any more.
      </Text>
    );
  }
  return (
    <details className={styles.message}>
      <summary>Show the message</summary>
      <Code block tabIndex={0} aria-label="The message">
        {message}
      </Code>
      {isCut && (
        <Text size="sm" c="dimmed" mt={4}>
          It is longer: this is its beginning.
        </Text>
      )}
    </details>
  );
}

function ConsumerFilter({ overview }: { overview: MessagesOverview }) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const chosen = chosenIn(search);
  // Names have no spaces.
  const keyOf = (which: Letters) =>
    "stream" in which
      ? `stream ${which.stream} ${which.consumer}`
      : `service ${which.service} ${which.consumer}`;
  const item = (which: Letters) => ({ value: keyOf(which), label: which.consumer });

  const groups = overview.services.map(({ name: service, consumers }) => ({
    group: service,
    items: consumers.map(({ name: consumer }) => item({ service, consumer })),
  }));
  const outside = outsideOf(overview.broker).map(({ stream, name: consumer }) => item({ stream, consumer }));
  const isListed = [...groups.flatMap(({ items }) => items), ...outside].some(
    ({ value }) => chosen !== null && value === keyOf(chosen),
  );
  // Also one that has none left, or is not there any more: it stands in the address.
  if (chosen !== null && !isListed) outside.push(item(chosen));
  return (
    <Select
      label="Consumer"
      placeholder="Any of a service"
      data={[...groups, { group: "programs outside", items: outside }].filter(
        ({ items }) => items.length > 0,
      )}
      value={chosen && keyOf(chosen)}
      onChange={(value) => {
        const [kind, owner, consumer] = value?.split(" ") ?? [];
        const whose = kind === "stream" ? { stream: owner } : { service: owner };
        navigate({ search: { part: "letters", ...whose, consumer } });
      }}
      clearable
      searchable
      clearButtonProps={{ "aria-label": "Any consumer of a service" }}
      className={styles.filter}
    />
  );
}

/** The list of all has those of services only: programs outside are asked for one by one. */
function GivenUpOutside({ outside }: { outside: MessagesBroker["consumers"] }) {
  if (outside.length === 0) return null;
  return (
    <Text size="sm">
      Programs outside gave up more:{" "}
      {outside.map(({ stream, name, deadLetters }, place) => (
        <Fragment key={`${stream} ${name}`}>
          {place > 0 && ", "}
          <Anchor
            size="sm"
            underline="always"
            aria-label={`${formatQuantity(deadLetters, "dead letter")} of ${name}`}
            renderRoot={(props) => (
              <Link to="/admin/messages" search={{ part: "letters", stream, consumer: name }} {...props} />
            )}
          >
            {name} ({formatCount(deadLetters)})
          </Anchor>
        </Fragment>
      ))}
    </Text>
  );
}

/** Offered when one consumer is chosen: its dead letters often have one cause. */
function AllOfConsumer({
  chosen,
  overview,
  onAsk,
}: {
  chosen: Letters;
  overview: MessagesOverview;
  onAsk: (question: Question) => void;
}) {
  const count = countOf(overview, chosen);
  const letters = count ? formatQuantity(count, "dead letter") : "All dead letters";
  const ask = (deed: Deed) => onAsk({ deed, which: chosen, words: `${letters} of ${chosen.consumer}` });
  return (
    <Group gap="xs">
      <Button variant="default" onClick={() => ask("replay")}>
        Replay all
      </Button>
      <Button variant="light" color="red" onClick={() => ask("drop")}>
        Drop all
      </Button>
    </Group>
  );
}

function countOf({ services, broker }: MessagesOverview, of: Letters): number | undefined {
  const consumers =
    "stream" in of
      ? broker.consumers.filter(({ stream }) => stream === of.stream)
      : services.filter(({ name }) => name === of.service).flatMap((service) => service.consumers);
  return consumers.find(({ name }) => name === of.consumer)?.deadLetters;
}

function SettleDialog({ question, onClose }: { question: Question | null; onClose: () => void }) {
  const queryClient = useQueryClient();
  const isDrop = question?.deed === "drop";
  const settle = async () => {
    if (question === null) return;
    await settleLetters(question.deed, question.which);
    await queryClient.invalidateQueries();
  };
  return (
    <ConfirmDialog
      isOpen={question !== null}
      onClose={onClose}
      title={`${isDrop ? "Drop" : "Replay"} ${question && isOne(question.which) ? "this dead letter" : "all of them"}?`}
      confirmLabel={isDrop ? "Drop" : "Replay"}
      isDangerous={isDrop}
      onConfirm={settle}
    >
      <span className={styles.wraps}>{question?.words}</span>
      {question && consequenceOf(question)}
    </ConfirmDialog>
  );
}

function isOne(which: Letters): boolean {
  return ("stream" in which ? which.sequence : which.messageId) !== undefined;
}

function consequenceOf({ deed, which }: Question): string {
  if (deed === "drop") return ": forgotten for good, as if handled.";
  return "stream" in which
    ? ": delivered again, before what is new."
    : ": tried again at once, up to twelve times more.";
}

function Nothing({ chosen }: { chosen: Letters | null }) {
  if (chosen === null) {
    return (
      <EmptyState icon="check" title="No service gave anything up">
        A message that a service cannot handle after twelve tries comes here, with the reason.
      </EmptyState>
    );
  }
  return (
    <EmptyState
      icon="check"
      title="Nothing was given up here"
      action={
        <Button
          variant="default"
          renderRoot={(props) => <Link to="/admin/messages" search={{ part: "letters" }} {...props} />}
        >
          Show all dead letters
        </Button>
      }
    >
      {"stream" in chosen
        ? "What this program gave up was replayed or dropped, or there never was anything."
        : "This consumer has handled everything it got."}
    </EmptyState>
  );
}
