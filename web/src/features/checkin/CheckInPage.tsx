/** The door of one event: verdict, scan box, count and the last scans. Made for one hand and bad light. */
import { Text, Title } from "@mantine/core";
import { useQuery, useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useEffect, useMemo, useState, useSyncExternalStore } from "react";
import { mayIn, meQuery } from "../../api/me";
import type { Event } from "../../api/types";
import { formatClockHere, formatCount, formatEventTime, formatQuantity } from "../../ui/format";
import { Icon } from "../../ui/icons";
import { Meter } from "../../ui/Meter";
import { useDocumentTitle } from "../../ui/PageHeader";
import { Surface } from "../../ui/Surface";
import { Camera } from "./Camera";
import styles from "./checkin.module.css";
import { Door, type DoorState } from "./Door";
import { doorCountQuery, doorEventQuery } from "./queries";
import { ScanBox } from "./ScanBox";
import { Detail, lookOf, VerdictPanel } from "./VerdictPanel";
import type { Scan } from "./verdict";

const route = getRouteApi("/_signedIn/check-in/$eventId");

export function CheckInPage() {
  const { eventId } = route.useParams();
  const { data: event } = useSuspenseQuery(doorEventQuery(eventId));
  const { data: me } = useSuspenseQuery(meQuery);
  const [isCameraOn, setIsCameraOn] = useState(false);
  const mayReadSales = mayIn(me, event.customerId, "events:read-sales");
  const { door, state } = useDoor(eventId, me?.id ?? "");
  useDocumentTitle(`Check in: ${event.name}`);

  return (
    <div className={styles.page}>
      <header className={styles.head}>
        <div className={styles.headText}>
          <Title order={1} size="h2">
            {event.name}
          </Title>
          <Text size="sm" c="dimmed">
            {formatEventTime(event.startDate, event.timeZone)}
          </Text>
        </div>
        <Link to="/check-in" className={styles.other}>
          Other event
        </Link>
      </header>
      <NetworkNote state={state} />
      <div className={styles.columns}>
        <div className={styles.door}>
          {isCameraOn && <Camera onCode={door.scan} onClose={() => setIsCameraOn(false)} />}
          <VerdictPanel scan={state.scans[0]} customerId={event.customerId} />
          <ScanBox
            onCode={door.scan}
            isCameraOn={isCameraOn}
            onCamera={() => setIsCameraOn((isOn) => !isOn)}
          />
        </div>
        <div className={styles.side}>
          <Count event={event} mayReadSales={mayReadSales} scans={state.scans} />
          <History scans={state.scans} customerId={event.customerId} />
        </div>
      </div>
    </div>
  );
}

function useDoor(eventId: string, myId: string) {
  const queryClient = useQueryClient();
  const door = useMemo(() => {
    const onCheckedIn = () => void queryClient.invalidateQueries(doorCountQuery(eventId));
    return new Door({ eventId, myId, onCheckedIn });
  }, [queryClient, eventId, myId]);
  const state = useSyncExternalStore(door.subscribe, door.getState);
  useEffect(() => door.open(), [door]);
  return { door, state };
}

function NetworkNote({ state }: { state: DoorState }) {
  const { isOffline, waiting, isSending } = state;
  const scans = formatQuantity(waiting, "scan");
  return (
    <div role="status" className={styles.networkSlot}>
      {(isOffline || waiting > 0) && (
        <p className={styles.network}>
          <Icon name={isOffline ? "offline" : "clock"} />
          <span>
            {isOffline && waiting === 0 && "No network. Scans are kept on this device until it is back."}
            {isOffline &&
              waiting > 0 &&
              `No network. ${scans} kept on this device, to be checked when it is back. Leave this page open.`}
            {!isOffline && isSending && `The network is back. ${scans} left to check.`}
            {!isOffline &&
              !isSending &&
              waiting > 0 &&
              `${scans} kept on this device, to be checked in a moment.`}
          </span>
        </p>
      )}
    </div>
  );
}

interface CountProps {
  event: Event;
  mayReadSales: boolean;
  scans: Scan[];
}

function Count({ event, mayReadSales, scans }: CountProps) {
  const { data: sales } = useQuery({ ...doorCountQuery(event.id), enabled: mayReadSales });
  const inHere = scans.filter(({ verdict }) => verdict.kind === "in").length;
  const sold = sales?.ticketsSold ?? event.seats - event.seatsLeft;
  const inAll = sales?.ticketsCheckedIn;
  return (
    <Surface>
      <Meter value={inAll ?? inHere} max={sold}>
        <span className={styles.count}>
          {formatCount(inAll ?? inHere)} <small>of {formatCount(sold)} in</small>
        </span>
      </Meter>
      <Text size="sm" c="dimmed" mt={4}>
        {inAll === undefined
          ? "Let in on this device; other doors are not counted here"
          : `${formatCount(inHere)} of them on this device just now`}
      </Text>
    </Surface>
  );
}

function History({ scans, customerId }: { scans: Scan[]; customerId: string }) {
  return (
    <Surface>
      <Title order={2} size="h3" mb="xs">
        Last scans
      </Title>
      {scans.length === 0 ? (
        <Text c="dimmed" size="sm">
          None yet.
        </Text>
      ) : (
        <ol className={styles.history}>
          {scans.map(({ id, code, at, verdict }) => {
            const { tone, icon, title } = lookOf(verdict);
            return (
              <li key={id} data-tone={tone}>
                <span className={styles.mark}>
                  <Icon name={icon} size={16} />
                </span>
                <span className={styles.historyText}>
                  <b>{title}</b> <time dateTime={at}>{formatClockHere(at)}</time>
                  <small>
                    {code} <Detail verdict={verdict} customerId={customerId} />
                  </small>
                </span>
              </li>
            );
          })}
        </ol>
      )}
    </Surface>
  );
}
