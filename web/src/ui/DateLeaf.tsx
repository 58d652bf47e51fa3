/** The day of an event at the venue, as a leaf of a calendar. The text beside it has the full date. */
import type { Event } from "../api/types";
import styles from "./DateLeaf.module.css";
import { dateParts } from "./format";

export function DateLeaf({ event }: { event: Pick<Event, "startDate" | "timeZone"> }) {
  const { day, month, weekday } = dateParts(event.startDate, event.timeZone);
  return (
    <div className={styles.leaf} aria-hidden="true">
      {weekday}
      <b>{day}</b>
      {month}
    </div>
  );
}
