/**
 * A row of links of which one is chosen: a filter that lives in the address. The router marks the
 * link that leads to where one is; give the links `activeOptions={{ exact: true }}`.
 */
import { Children, type ReactNode } from "react";
import styles from "./FilterLinks.module.css";

export function FilterLinks({ label, children }: { label: string; children: ReactNode }) {
  return (
    <nav aria-label={label} className={styles.nav}>
      <ul className={styles.row}>
        {Children.map(children, (link) => (
          <li>{link}</li>
        ))}
      </ul>
    </nav>
  );
}
