/** One event of the catalogue, and the shape that holds its place while it is loading. */
import { Title } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { Event } from "../../api/types";
import { AvailabilityBadge } from "../../ui/AvailabilityBadge";
import { isOnSale } from "../../ui/availability";
import { dateParts, formatEventTime, formatPrice } from "../../ui/format";
import { Icon } from "../../ui/icons";
import styles from "./EventsPage.module.css";

export function EventCard({ event }: { event: Event }) {
  const { day, month, weekday } = dateParts(event.startDate, event.timeZone);
  return (
    <Link
      to="/events/$eventId"
      params={{ eventId: event.id }}
      className={`${styles.card} ${isOnSale(event) ? "" : styles.isGone}`}
    >
      <div className={styles.stub} aria-hidden="true">
        {weekday}
        <b>{day}</b>
        {month}
      </div>
      <div className={styles.text}>
        <Title order={2} size="h3" lineClamp={3}>
          {event.name}
        </Title>
        <span className={styles.line}>
          <Icon name="clock" size={16} />
          {formatEventTime(event.startDate, event.timeZone)}
        </span>
        <span className={styles.line}>
          <Icon name="pin" size={16} />
          {event.location}
        </span>
        <span className={styles.foot}>
          <span className={styles.price}>{formatPrice(event.price)}</span>
          <AvailabilityBadge event={event} />
        </span>
      </div>
    </Link>
  );
}

export function EventCardBone() {
  return (
    <div className={`${styles.card} ${styles.isGone} ${styles.isBone}`}>
      <div className={styles.stub} />
      <div className={styles.text}>
        <div className={styles.bone} style={{ height: 22, width: "75%" }} />
        <div className={styles.bone} style={{ height: 14, width: "60%", marginTop: 6 }} />
        <div className={styles.bone} style={{ height: 14, width: "50%", marginTop: 2 }} />
      </div>
    </div>
  );
}
