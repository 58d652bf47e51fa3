/** The answer to the last scan, readable from an arm's length: colour, sign and words say the same. */
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { mayIn, useMe } from "../../api/me";
import { formatClockHere, formatMoment } from "../../ui/format";
import { Icon, type IconName } from "../../ui/icons";
import styles from "./checkin.module.css";
import { doorEventQuery, doorKeeperQuery } from "./queries";
import type { Refusal, Scan, Verdict } from "./verdict";

type Tone = "in" | "already" | "refused" | "waiting" | "idle";

interface Look {
  tone: Tone;
  icon: IconName;
  title: string;
}

const REFUSALS: Record<Refusal, string> = {
  notACode: "Not a ticket",
  unknown: "Unknown ticket",
  cancelled: "Cancelled",
  otherOrganiser: "Not your ticket",
  otherEvent: "Other event",
};

export function lookOf(verdict: Verdict): Look {
  switch (verdict.kind) {
    case "in":
      return { tone: "in", icon: "check", title: "Come in" };
    case "already":
      return { tone: "already", icon: "warning", title: "Already in" };
    case "refused":
      return { tone: "refused", icon: "cross", title: REFUSALS[verdict.reason] };
    case "waiting":
      return { tone: "waiting", icon: "clock", title: "Not checked yet" };
    case "failed":
      return { tone: "refused", icon: "warning", title: "Could not be checked" };
    case "checking":
      return { tone: "idle", icon: "clock", title: "Checking" };
  }
}

interface VerdictPanelProps {
  scan: Scan | undefined;
  customerId: string;
}

export function VerdictPanel({ scan, customerId }: VerdictPanelProps) {
  const look = scan && lookOf(scan.verdict);
  return (
    <div
      className={styles.verdict}
      data-tone={look?.tone ?? "idle"}
      role="status"
      aria-live="assertive"
      aria-atomic="true"
    >
      {scan === undefined || look === undefined ? (
        <div className={styles.verdictBody}>
          <Icon name="scan" size={56} />
          <p className={styles.verdictTitle}>Ready</p>
          <p>Scan a ticket, or type its code and press Enter.</p>
        </div>
      ) : (
        // Another scan is another element, so the same words twice are announced twice.
        <div className={styles.verdictBody} key={`${scan.id}${look.tone}`}>
          <Icon name={look.icon} size={64} />
          <p className={styles.verdictTitle}>{look.title}</p>
          <p className={styles.verdictDetail}>
            <Detail verdict={scan.verdict} customerId={customerId} />
          </p>
          <p className={styles.verdictCode}>{scan.code === "" ? "(nothing)" : scan.code}</p>
        </div>
      )}
    </div>
  );
}

export function Detail({ verdict, customerId }: { verdict: Verdict; customerId: string }): ReactNode {
  switch (verdict.kind) {
    case "in":
      return verdict.holderName;
    case "already":
      return <Earlier at={verdict.at} by={verdict.by} customerId={customerId} />;
    case "waiting":
      return "Kept on this device. It is checked when the network is back.";
    case "failed":
      return verdict.problem?.detail ?? verdict.problem?.title ?? "Try once more.";
    case "refused":
      return <RefusalDetail reason={verdict.reason} eventId={verdict.eventId} />;
    case "checking":
      return null;
  }
}

function Earlier({ at, by, customerId }: { at: string | null; by: string | null; customerId: string }) {
  const me = useMe();
  const maySee = by !== null && by !== me?.id && mayIn(me, customerId, "users:read");
  const { data: name } = useQuery({ ...doorKeeperQuery(by ?? ""), enabled: maySee });
  if (by === null) return `Scanned on this device at ${at ? formatClockHere(at) : "an earlier time"}`;
  const who = by === me?.id ? "you" : (name ?? "somebody else at the door");
  return `${at ? formatMoment(at) : "Earlier"}, by ${who}`;
}

function RefusalDetail({ reason, eventId }: { reason: Refusal; eventId: string | undefined }) {
  const { data: event } = useQuery({ ...doorEventQuery(eventId ?? ""), enabled: eventId !== undefined });
  const where = event?.name ?? "another event";
  switch (reason) {
    case "notACode":
      return "What was scanned is not the code of a ticket.";
    case "unknown":
      return "There is no ticket with this code.";
    case "cancelled":
      return "This ticket was cancelled and is not valid any more.";
    case "otherOrganiser":
      return "This ticket is for an event of another organiser.";
    case "otherEvent":
      return `This ticket is for ${where}. It has not been used.`;
  }
}
