/** What the broker keeps, and how far those are who receive it. */
import { Alert, Stack, Text, Title } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { MessagesBroker as Broker } from "../../api/types";
import { type Column, DataTable } from "../../ui/DataTable";
import { EmptyState } from "../../ui/EmptyState";
import { formatBytes, formatCount, formatQuantity } from "../../ui/format";
import { Icon } from "../../ui/icons";
import { Surface } from "../../ui/Surface";
import { Since } from "./MessageWords";
import styles from "./messages.module.css";

type Stream = Broker["streams"][number];
type Consumer = Broker["consumers"][number];

export function MessagesBroker({ broker }: { broker: Broker }) {
  if (!broker.isReachable) {
    return (
      <Alert color="orange" icon={<Icon name="warning" />} title="The broker is away">
        Messages wait in the outboxes of the services until it is back.
      </Alert>
    );
  }
  if (broker.streams.length === 0) {
    return (
      <Surface>
        <EmptyState icon="plug" title="There is no broker">
          The services hand their messages to each other inside one process. Programs outside receive none.
        </EmptyState>
      </Surface>
    );
  }
  return (
    <Stack gap="lg">
      <Surface>
        <Title order={2} mb="sm">
          Streams
        </Title>
        <DataTable
          caption="Streams"
          columns={STREAMS}
          rows={broker.streams}
          rowKey={({ name }) => name}
          empty={null}
        />
      </Surface>
      <Surface>
        <Title order={2} mb="sm">
          Who receives them
        </Title>
        <DataTable
          caption="Consumers of the broker"
          columns={CONSUMERS}
          rows={broker.consumers}
          rowKey={({ stream, name }) => `${stream} ${name}`}
          empty={
            <EmptyState icon="plug" title="Nobody yet">
              Programs that receive messages over the broker are listed here.
            </EmptyState>
          }
        />
      </Surface>
    </Stack>
  );
}

const STREAMS: Column<Stream>[] = [
  {
    key: "name",
    header: "Stream",
    isTitle: true,
    cell: ({ name }) => <code className={styles.name}>{name}</code>,
  },
  { key: "messages", header: "Messages", isNumeric: true, cell: ({ messages }) => formatCount(messages) },
  {
    key: "bytes",
    header: "Size",
    isNumeric: true,
    cell: ({ bytes }) => bytes !== null && formatBytes(bytes),
  },
  {
    key: "oldest",
    header: "Oldest",
    isNumeric: true,
    cell: ({ oldestAt }) => oldestAt && <Since at={oldestAt} />,
  },
  {
    key: "newest",
    header: "Newest",
    isNumeric: true,
    cell: ({ newestAt }) => newestAt && <Since at={newestAt} />,
  },
];

const CONSUMERS: Column<Consumer>[] = [
  {
    key: "name",
    header: "Consumer",
    isTitle: true,
    cell: ({ name, description }) => (
      <div>
        <code className={styles.name}>{name}</code>
        {description && (
          <Text size="sm" c="dimmed">
            {description}
          </Text>
        )}
      </div>
    ),
  },
  { key: "stream", header: "Stream", cell: ({ stream }) => stream },
  { key: "waiting", header: "Waiting", isNumeric: true, cell: ({ waiting }) => formatCount(waiting) },
  {
    key: "unacknowledged",
    header: "Unacknowledged",
    isNumeric: true,
    cell: ({ unacknowledged }) => formatCount(unacknowledged),
  },
  {
    key: "redelivered",
    header: "Sent again",
    isNumeric: true,
    cell: ({ redelivered }) => formatCount(redelivered),
  },
  {
    key: "deadLetters",
    header: "Given up",
    isNumeric: true,
    cell: ({ stream, name, deadLetters }) =>
      deadLetters === 0 ? (
        formatCount(deadLetters)
      ) : (
        <Link
          to="/admin/messages"
          search={{ part: "letters", stream, consumer: name }}
          aria-label={`${formatQuantity(deadLetters, "dead letter")} of ${name}`}
          className={styles.bad}
        >
          {formatCount(deadLetters)}
        </Link>
      ),
  },
];
