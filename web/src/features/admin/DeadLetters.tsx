/** Messages that were given up: why, what they say, and what is to become of them. */
import { Alert, Button, Code, Group, Select, Stack, Text, Title } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";
import { mayEverywhere, useMe } from "../../api/me";
import { usePages } from "../../api/paging";
import type { DeadLetter, ServiceMessages } from "../../api/types";
import { ConfirmDialog } from "../../ui/ConfirmDialog";
import { EmptyState } from "../../ui/EmptyState";
import { formatQuantity } from "../../ui/format";
import { Surface } from "../../ui/Surface";
import { Since } from "./MessageWords";
import { type Deed, type Letters, lettersQuery, settleLetters } from "./messages";
import styles from "./messages.module.css";

const route = getRouteApi("/_signedIn/admin/messages/");

/** What somebody is asked about before it is done. */
interface Question {
  deed: Deed;
  which: Letters;
  /** "3 dead letters of audit.record". */
  words: string;
}

export function DeadLetters({ services }: { services: ServiceMessages[] }) {
  const search = route.useSearch();
  const me = useMe();
  const { items, onMore, isLoadingMore } = usePages(lettersQuery(search));
  const [asked, setAsked] = useState<Question | null>(null);
  const mayManage = mayEverywhere(me, "messages:manage");

  return (
    <Stack gap="md">
      <Group align="flex-end" justify="space-between" gap="sm">
        <ConsumerFilter services={services} />
        {mayManage && items.length > 0 && <AllOfConsumer services={services} onAsk={setAsked} />}
      </Group>
      {items.length === 0 ? (
        <Surface>
          <Nothing isFiltered={search.consumer !== undefined} />
        </Surface>
      ) : (
        <ul className={styles.letters}>
          {items.map((letter) => (
            <li key={`${letter.consumer} ${letter.messageId}`}>
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

function Letter({ letter, onAsk }: { letter: DeadLetter; onAsk?: (question: Question) => void }) {
  const { service, consumer, messageId, type, subject, source, attempts, triedAt, error } = letter;
  const ask = (deed: Deed) =>
    onAsk?.({
      deed,
      which: { service, consumer, messageId },
      words: `${type ?? "This message"} for ${consumer}`,
    });
  return (
    <Surface>
      <Stack gap="sm">
        <Group justify="space-between" align="flex-start" gap="sm">
          <div>
            <Title order={2} size="h4" className={styles.wraps}>
              {type ?? "Unreadable"}
            </Title>
            <Text size="sm" c="dimmed" className={styles.wraps}>
              for <code>{consumer}</code>
              {source && ` from ${source}`}
              {subject && `, about ${subject}`}
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
          {error}
        </Alert>
        <Text size="sm" c="dimmed">
          {formatQuantity(attempts, "try", "tries")}, the last <Since at={triedAt} />
        </Text>
        <details className={styles.message}>
          <summary>Show the message</summary>
          <Code block tabIndex={0} aria-label="The message">
            {JSON.stringify(letter.message, null, 2)}
          </Code>
        </details>
      </Stack>
    </Surface>
  );
}

function ConsumerFilter({ services }: { services: ServiceMessages[] }) {
  const { service, consumer } = route.useSearch();
  const navigate = route.useNavigate();
  const groups = services.map(({ name, consumers }) => ({
    group: name,
    items: consumers.map((found) => ({ value: `${name} ${found.name}`, label: found.name })),
  }));
  return (
    <Select
      label="Consumer"
      placeholder="Any"
      data={groups.filter(({ items }) => items.length > 0)}
      value={service && consumer ? `${service} ${consumer}` : null}
      onChange={(chosen) => {
        const [chosenService, chosenConsumer] = chosen?.split(" ") ?? [];
        navigate({ search: { part: "letters", service: chosenService, consumer: chosenConsumer } });
      }}
      clearable
      searchable
      clearButtonProps={{ "aria-label": "Any consumer" }}
      className={styles.filter}
    />
  );
}

/** Offered when one consumer is chosen: its dead letters often have one cause. */
function AllOfConsumer({
  services,
  onAsk,
}: {
  services: ServiceMessages[];
  onAsk: (question: Question) => void;
}) {
  const { service, consumer } = route.useSearch();
  if (service === undefined || consumer === undefined) return null;
  const consumers = services.find(({ name }) => name === service)?.consumers ?? [];
  const count = consumers.find(({ name }) => name === consumer)?.deadLetters;
  const letters = count ? formatQuantity(count, "dead letter") : "All dead letters";
  const ask = (deed: Deed) =>
    onAsk({ deed, which: { service, consumer }, words: `${letters} of ${consumer}` });
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

function SettleDialog({ question, onClose }: { question: Question | null; onClose: () => void }) {
  const queryClient = useQueryClient();
  const isDrop = question?.deed === "drop";
  const isOne = question?.which.messageId !== undefined;
  const settle = async () => {
    if (question === null) return;
    await settleLetters(question.deed, question.which);
    await queryClient.invalidateQueries();
  };
  return (
    <ConfirmDialog
      isOpen={question !== null}
      onClose={onClose}
      title={`${isDrop ? "Drop" : "Replay"} ${isOne ? "this dead letter" : "all of them"}?`}
      confirmLabel={isDrop ? "Drop" : "Replay"}
      isDangerous={isDrop}
      onConfirm={settle}
    >
      <span className={styles.wraps}>{question?.words}</span>
      {isDrop ? ": forgotten for good, as if handled." : ": tried again at once, up to twelve times more."}
    </ConfirmDialog>
  );
}

function Nothing({ isFiltered }: { isFiltered: boolean }) {
  if (!isFiltered) {
    return (
      <EmptyState icon="check" title="Nothing was given up">
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
      This consumer has handled everything it got.
    </EmptyState>
  );
}
