/** Times as the pages about messages say them. */
import { formatMoment, formatRelative } from "../../ui/format";
import styles from "./messages.module.css";

/** "5 minutes ago"; the moment itself on hover. */
export function Since({ at }: { at: string }) {
  return (
    <time dateTime={at} title={formatMoment(at)} className={styles.moment}>
      {formatRelative(at)}
    </time>
  );
}
