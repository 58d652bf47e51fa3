/** A ticket as it is shown at the door, on a screen or on paper. */
import { Anchor, Text, Title } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import type { Event, Ticket } from "../api/types";
import { DateLeaf } from "./DateLeaf";
import { formatEventSpan, formatMoment, formatPrice } from "./format";
import { StatusBadge } from "./StatusBadge";
import styles from "./TicketFace.module.css";

const QrCode = lazy(() => import("./QrCode"));

interface TicketFaceProps {
  ticket: Ticket;
  /** Undefined while it is loading and when it was taken down; the ticket holds good all the same. */
  event: Event | undefined;
  level?: 1 | 2 | 3;
  /** On a page with several tickets the name leads to the ticket by itself. */
  isLink?: boolean;
}

export function TicketFace({ ticket, event, level = 2, isLink = false }: TicketFaceProps) {
  const isVoid = ticket.status === "cancelled";
  const name = event?.name ?? "Ticket";
  return (
    <article
      className={`${styles.ticket} ${isVoid ? styles.isVoid : ""}`}
      aria-label={`Ticket ${ticket.code}`}
    >
      <div className={styles.facts}>
        <div className={styles.title}>
          {event && <DateLeaf event={event} />}
          <div>
            <Title order={level} size="h2">
              {isLink ? <TicketLink code={ticket.code}>{name}</TicketLink> : name}
            </Title>
            {event && <Text c="dimmed">{event.location}</Text>}
          </div>
        </div>
        <Facts ticket={ticket} event={event} />
      </div>
      <div className={styles.stub}>
        {isVoid ? (
          <div className={`${styles.plate} ${styles.void}`}>This ticket was cancelled and opens no door.</div>
        ) : (
          <div className={styles.plate}>
            <Suspense fallback={null}>
              <QrCode content={ticket.code} title={`QR code of ticket ${ticket.code}`} />
            </Suspense>
          </div>
        )}
        <span className={styles.code}>{ticket.code}</span>
      </div>
    </article>
  );
}

function Facts({ ticket, event }: Pick<TicketFaceProps, "ticket" | "event">) {
  return (
    <dl className={styles.list}>
      {event && (
        <>
          <dt>When</dt>
          <dd>{formatEventSpan(event.startDate, event.endDate, event.timeZone)}</dd>
        </>
      )}
      {ticket.holderName && (
        <>
          <dt>Holder</dt>
          <dd>{ticket.holderName}</dd>
        </>
      )}
      <dt>Price</dt>
      <dd>{formatPrice(ticket.price)}</dd>
      <dt>Status</dt>
      <dd>
        <StatusBadge status={ticket.status} />
        {ticket.checkedInAt && (
          <Text span size="sm" c="dimmed" ml="xs">
            {formatMoment(ticket.checkedInAt)}
          </Text>
        )}
      </dd>
    </dl>
  );
}

function TicketLink({ code, children }: { code: string; children: string }) {
  return (
    <Anchor
      inherit
      c="inherit"
      renderRoot={(props) => <Link to="/tickets/$code" params={{ code }} {...props} />}
    >
      {children}
    </Anchor>
  );
}
