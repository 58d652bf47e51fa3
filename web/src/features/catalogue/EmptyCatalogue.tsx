/** What stands where events would: on a new installation the way to the first one, else other things to try. */
import { Button, Center, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { may, useMe } from "../../api/me";
import { EmptyState } from "../../ui/EmptyState";
import styles from "./EventsPage.module.css";
import { setupQuery } from "./queries";

export default function EmptyCatalogue({ isFirstRun }: { isFirstRun: boolean }) {
  return isFirstRun ? <FirstEventGuide /> : <NothingFits />;
}

function NothingFits() {
  return (
    <EmptyState
      icon="search"
      title="No event fits"
      action={
        <Button mt="sm" variant="default" renderRoot={(props) => <Link to="/" search={{}} {...props} />}>
          Show all events
        </Button>
      }
    >
      Try fewer letters, other days or another place.
    </EmptyState>
  );
}

function FirstEventGuide() {
  const { data: setup } = useQuery(setupQuery);
  const isNew = setup?.isOpen ?? false;

  return (
    <>
      <EmptyState icon="calendar" title="Nothing is on sale yet">
        {isNew
          ? "This installation is new. Open the link the server printed when it started, and make the account of its administrator. Then three steps lead to the first event."
          : "Events appear here the moment they are published. Three steps lead to the first one."}
      </EmptyState>
      <ol className={styles.steps}>
        <Step title="Make an account">One account serves for tickets, for crew work and for organising.</Step>
        <Step title="Found an organiser">
          The club, venue or festival in whose name the tickets are sold.
        </Step>
        <Step title="Publish an event">Name, day, place, seats and price. It is on sale at once.</Step>
      </ol>
      {!isNew && <NextStep />}
    </>
  );
}

function Step({ title, children }: { title: string; children: string }) {
  return (
    <li>
      <Title order={3}>{title}</Title>
      <Text size="sm" c="dimmed">
        {children}
      </Text>
    </li>
  );
}

/** The first of the steps that is still to be done by whoever is looking. */
function NextStep() {
  const me = useMe();
  return (
    <Center mt="xl">
      {me === null && (
        <Button renderRoot={(props) => <Link to="/sign-up" {...props} />}>Make an account</Button>
      )}
      {me && !may(me, "events:create") && (
        <Button renderRoot={(props) => <Link to="/organiser" {...props} />}>Found an organiser</Button>
      )}
      {may(me, "events:create") && (
        <Button renderRoot={(props) => <Link to="/organiser/events/new" {...props} />}>
          Publish an event
        </Button>
      )}
    </Center>
  );
}
