/** Every service's outbox and consumers, and how much waited for one of them lately. */
import { Badge, Group, Select, Stack, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import type { ServiceMessages } from "../../api/types";
import { type Column, DataTable } from "../../ui/DataTable";
import { EmptyState } from "../../ui/EmptyState";
import { FilterLinks } from "../../ui/FilterLinks";
import { formatCount, formatQuantity } from "../../ui/format";
import { ProblemAlert } from "../../ui/ProblemAlert";
import { Surface } from "../../ui/Surface";
import { TimeChart } from "../../ui/TimeChart";
import { zoneHere } from "../../ui/zonedTime";
import { Since } from "./MessageWords";
import { curvesOf, lagQuery, rowsOf, SPANS, type Span, type StandingRow, totalsOf } from "./messages";
import styles from "./messages.module.css";

const route = getRouteApi("/_signedIn/admin/messages/");

export function MessagesServices({ services }: { services: ServiceMessages[] }) {
  return (
    <Stack gap="lg">
      <Surface>
        <Stack>
          <Figures services={services} />
          <DataTable
            caption="Outboxes and consumers"
            columns={COLUMNS}
            rows={rowsOf(services)}
            rowKey={({ key }) => key}
            empty={<EmptyState icon="inbox" title="No service has answered" />}
          />
        </Stack>
      </Surface>
      <Lag />
    </Stack>
  );
}

function Figures({ services }: { services: ServiceMessages[] }) {
  const { waiting, retrying, deadLetters } = totalsOf(services);
  return (
    <dl className={styles.figures}>
      <Figure name="Waiting" count={waiting} />
      <Figure name="Being tried again" count={retrying} />
      <Figure name="Given up" count={deadLetters} isBad={deadLetters > 0} />
    </dl>
  );
}

function Figure({ name, count, isBad = false }: { name: string; count: number; isBad?: boolean }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd className={isBad ? styles.bad : undefined}>{formatCount(count)}</dd>
    </div>
  );
}

const COLUMNS: Column<StandingRow>[] = [
  { key: "name", header: "Where", isTitle: true, cell: (row) => <Where row={row} /> },
  {
    key: "waiting",
    header: "Waiting",
    isNumeric: true,
    cell: ({ kind, waiting }) => (kind === "away" ? null : formatCount(waiting)),
  },
  {
    key: "oldest",
    header: "Oldest",
    isNumeric: true,
    cell: ({ oldestAt }) => oldestAt && <Since at={oldestAt} />,
  },
  {
    key: "retrying",
    header: "Tried again",
    isNumeric: true,
    cell: ({ retrying }) => retrying > 0 && formatCount(retrying),
  },
  {
    key: "deadLetters",
    header: "Given up",
    isNumeric: true,
    cell: ({ deadLetters, service, name }) =>
      deadLetters > 0 && (
        <Link
          to="/admin/messages"
          search={{ part: "letters", service, consumer: name }}
          aria-label={`${formatQuantity(deadLetters, "dead letter")} of ${name}`}
          className={styles.bad}
        >
          {formatCount(deadLetters)}
        </Link>
      ),
  },
];

function Where({ row: { kind, name, service } }: { row: StandingRow }) {
  if (kind === "consumer") return <code className={styles.consumer}>{name}</code>;
  return (
    <Group gap="xs">
      <Text fw={650}>{service}</Text>
      {kind === "away" ? (
        <Badge variant="light" color="orange" tt="none">
          Away
        </Badge>
      ) : (
        <Text size="sm" c="dimmed">
          outbox
        </Text>
      )}
    </Group>
  );
}

function Lag() {
  const { span = "day", consumer } = route.useSearch();
  const navigate = route.useNavigate();
  const { data: lag, error, refetch } = useQuery(lagQuery(span));
  if (error) return <ProblemAlert error={error} onRetry={() => refetch()} />;
  if (lag === undefined) return <Surface mih={420}>{null}</Surface>;

  const curves = curvesOf(lag);
  const shown = curves.find((curve) => curve.consumer === consumer) ?? curves[0];
  return (
    <Surface>
      <Group justify="space-between" mb="sm">
        <Title order={2}>Lag over time</Title>
        <FilterLinks label="How far back">
          {(Object.keys(SPANS) as Span[]).map((name) => (
            <Link
              key={name}
              from="/admin/messages/"
              to="."
              search={(before) => ({ ...before, span: name === "day" ? undefined : name })}
              activeOptions={{ exact: true }}
              aria-current={name === span ? "page" : undefined}
              resetScroll={false}
            >
              {SPANS[name].label}
            </Link>
          ))}
        </FilterLinks>
      </Group>
      {shown === undefined ? (
        <EmptyState icon="chart" title="No sample yet">
          The first one is taken within a minute after the start.
        </EmptyState>
      ) : (
        <Stack>
          <Select
            label="Consumer"
            data={curves.map((curve) => curve.consumer)}
            value={shown.consumer}
            onChange={(chosen) =>
              navigate({
                search: (before) => ({ ...before, consumer: chosen ?? undefined }),
                resetScroll: false,
              })
            }
            allowDeselect={false}
            searchable
            maw={420}
          />
          <TimeChart
            title={`Waiting for ${shown.consumer}`}
            points={shown.points}
            bucket="hour"
            timeZone={zoneHere()}
            unit="messages"
            figures="peaks"
          />
        </Stack>
      )}
    </Surface>
  );
}
