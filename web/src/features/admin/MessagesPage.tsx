/** The messages between services, for who runs the installation: what waits, what the broker keeps, what was given up. */
import { Alert, Stack } from "@mantine/core";
import { useSuspenseQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { FilterLinks } from "../../ui/FilterLinks";
import { formatCount } from "../../ui/format";
import { Icon } from "../../ui/icons";
import { PageHeader } from "../../ui/PageHeader";
import { DeadLetters } from "./DeadLetters";
import { MessagesBroker } from "./MessagesBroker";
import { MessagesServices } from "./MessagesServices";
import { outsideOf, overviewQuery, PARTS, type Part, sum, totalsOf } from "./messages";

const route = getRouteApi("/_signedIn/admin/messages/");

export function MessagesPage() {
  const { part = "services" } = route.useSearch();
  const { data: overview } = useSuspenseQuery(overviewQuery);
  const { away, deadLetters: ofServices } = totalsOf(overview.services);
  const deadLetters = ofServices + sum(outsideOf(overview.broker).map((consumer) => consumer.deadLetters));

  return (
    <>
      <PageHeader
        title="Messages"
        description="What the services tell each other: what waits, and what was given up."
      />
      <Stack gap="md">
        <FilterLinks label="Parts">
          {(Object.keys(PARTS) as Part[]).map((name) => (
            <Link
              key={name}
              to="/admin/messages"
              search={{ part: name === "services" ? undefined : name }}
              activeOptions={{ exact: true }}
              aria-current={name === part ? "page" : undefined}
              resetScroll={false}
            >
              {PARTS[name]}
              {name === "letters" && deadLetters > 0 && ` (${formatCount(deadLetters)})`}
            </Link>
          ))}
        </FilterLinks>
        {away.length > 0 && (
          <Alert color="orange" icon={<Icon name="warning" />} title={`Away: ${away.join(", ")}`}>
            Nothing is known of their messages until they answer again. Nothing is lost: messages wait for
            them.
          </Alert>
        )}
        {part === "services" && <MessagesServices services={overview.services} />}
        {part === "broker" && <MessagesBroker broker={overview.broker} />}
        {part === "letters" && <DeadLetters overview={overview} />}
      </Stack>
    </>
  );
}
