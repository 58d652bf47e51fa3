/**
 * The frame around every page: skip link, header, navigation, the page itself, and what can be
 * opened over it. What is opened rarely is loaded when it is first opened.
 */
import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useRouter, useRouterState } from "@tanstack/react-router";
import { lazy, Suspense, useCallback, useEffect, useRef, useState } from "react";
import { meQuery } from "../api/me";
import { CartLink } from "../features/buying/CartLink";
import { BrandMark, Icon } from "../ui/icons";
import { Navigation } from "./Navigation";
import { SchemeToggle } from "./SchemeToggle";
import styles from "./Shell.module.css";
import { PALETTE_KEYS, useShortcuts } from "./shortcuts";

const Palette = lazy(() => import("./Palette"));
const ShortcutSheet = lazy(() => import("./ShortcutSheet"));
const NavigationDrawer = lazy(() => import("./NavigationDrawer"));
const UserMenu = lazy(() => import("./UserMenu"));

export function Shell() {
  const { data: me, isPending } = useQuery(meQuery);
  const main = useFocusOnNavigation();
  const palette = useOpenings();
  const sheet = useOpenings();
  const drawer = useOpenings();
  useShortcuts({ onPalette: palette.open, onSheet: sheet.open });

  return (
    <>
      <a className={styles.skip} href="#main">
        Skip to the page
      </a>
      <header className={styles.header}>
        <div className={styles.headerRow}>
          <button
            type="button"
            className={`${styles.headerButton} ${styles.narrowOnly}`}
            aria-label="Open the menu"
            onClick={drawer.open}
          >
            <Icon name="menu" />
          </button>
          <Link to="/" className={styles.brand}>
            <BrandMark />
            Backline
          </Link>
          {me === null && (
            <Link to="/" className={`${styles.headerLink} ${styles.wideOnly}`}>
              Events
            </Link>
          )}
          <div className={styles.spacer} />
          <button type="button" className={`${styles.headerButton} ${styles.search}`} onClick={palette.open}>
            <Icon name="search" />
            <span>Search or jump to</span>
            <kbd>{PALETTE_KEYS.join(" ")}</kbd>
          </button>
          <SchemeToggle />
          <CartLink className={styles.headerButton} />
          {me === null && <SignInLinks />}
          {me && (
            <Suspense fallback={<div style={{ width: 52 }} />}>
              <UserMenu me={me} onShortcuts={sheet.open} />
            </Suspense>
          )}
        </div>
        <BusyBar />
      </header>
      <div className={styles.body}>
        {me && (
          <aside className={styles.sidebar}>
            <Navigation me={me} />
          </aside>
        )}
        <main id="main" className={styles.main} ref={main} tabIndex={-1}>
          {/* The page waits for who is reading it, so that nothing jumps when that is known. */}
          {!isPending && <Outlet />}
        </main>
      </div>
      <Suspense>
        {palette.count > 0 && <Palette opening={palette.count} onShortcuts={sheet.open} />}
        {sheet.count > 0 && <ShortcutSheet opening={sheet.count} />}
        {drawer.count > 0 && <NavigationDrawer opening={drawer.count} me={me ?? null} />}
      </Suspense>
    </>
  );
}

function SignInLinks() {
  const { href, pathname } = useRouterState({ select: (state) => state.location });
  const isAboutSigningIn = pathname.startsWith("/sign-");
  const search = isAboutSigningIn || href === "/" ? {} : { return: href };
  return (
    <>
      <Link to="/sign-in" search={search} className={styles.headerLink}>
        Sign in
      </Link>
      <Link
        to="/sign-up"
        search={search}
        className={`${styles.headerLink} ${styles.signUp} ${styles.wideOnly}`}
      >
        Sign up
      </Link>
    </>
  );
}

function BusyBar() {
  const isLoading = useRouterState({ select: (state) => state.isLoading });
  return isLoading ? <div className={styles.busy} role="progressbar" aria-label="Loading" /> : null;
}

/** Counts how often something was opened: 0 keeps its code unloaded, each rise opens it again. */
function useOpenings() {
  const [count, setCount] = useState(0);
  const open = useCallback(() => setCount((openings) => openings + 1), []);
  return { count, open };
}

/** After a move to another page the reader, keyboard and screen reader alike, starts at its top. */
function useFocusOnNavigation() {
  const main = useRef<HTMLElement>(null);
  const router = useRouter();
  useEffect(
    () =>
      router.subscribe("onResolved", ({ fromLocation, pathChanged }) => {
        if (fromLocation && pathChanged) main.current?.focus({ preventScroll: true });
      }),
    [router],
  );
  return main;
}
