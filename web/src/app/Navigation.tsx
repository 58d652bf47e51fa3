/** The links of `pages.ts` as the side bar and the drawer show them. */
import { Link, useRouterState } from "@tanstack/react-router";
import type { Me } from "../api/types";
import { Icon } from "../ui/icons";
import { navigationFor } from "./pages";
import styles from "./Shell.module.css";

export function Navigation({ me, onFollow }: { me: Me | null; onFollow?: () => void }) {
  const groups = navigationFor(me);
  const pathname = useRouterState({ select: (state) => state.location.pathname });
  const current = entryOf(
    pathname,
    groups.flatMap(({ entries }) => entries.map(({ to }) => to)),
  );
  return (
    <nav aria-label="Pages">
      {groups.map(({ group, entries }) => (
        <div key={group}>
          <p className={styles.navGroup} id={`pages-${group}`}>
            {group}
          </p>
          <ul className={styles.navList} aria-labelledby={`pages-${group}`}>
            {entries.map(({ to, label, icon }) => (
              <li key={to}>
                <Link
                  to={to}
                  className={styles.navLink}
                  activeOptions={{ exact: true }}
                  aria-current={to === current ? "page" : undefined}
                  onClick={onFollow}
                >
                  <Icon name={icon} />
                  {label}
                </Link>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </nav>
  );
}

/** The entry a page belongs to: of those its address begins with the longest. */
function entryOf(pathname: string, entries: string[]): string | undefined {
  const isWithin = (to: string) => (to === "/" ? pathname === "/" : `${pathname}/`.startsWith(`${to}/`));
  return entries.filter(isWithin).sort((a, b) => b.length - a.length)[0];
}
