/** The public catalogue: what is on sale, soonest first. */
import { Button, Center, Text } from "@mantine/core";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useRef } from "react";
import { PageHeader } from "../../ui/PageHeader";
import { ProblemAlert } from "../../ui/ProblemAlert";
import { EventCard, EventCardBone } from "./EventCard";
import { EventFilters } from "./EventFilters";
import styles from "./EventsPage.module.css";
import { eventsQuery } from "./queries";
import { isFiltered } from "./search";

const EmptyCatalogue = lazy(() => import("./EmptyCatalogue"));

const route = getRouteApi("/");
const BONES = ["a", "b", "c", "d", "e", "f"];
/** The next page is asked for before its place comes into view. */
const LOAD_AHEAD = "600px";

export function EventsPage() {
  const search = route.useSearch();
  const list = useInfiniteQuery({ ...eventsQuery(search), placeholderData: keepPreviousData });
  const events = list.data?.pages.flatMap(({ items }) => items) ?? [];
  const isEmpty = list.isSuccess && !list.isPlaceholderData && events.length === 0;
  const isFirstRun = isEmpty && !isFiltered(search);

  return (
    <>
      <PageHeader title="Events" description="Pick an evening. Times are those of the venue." />
      {!isFirstRun && <EventFilters />}
      {list.isPending && <Bones />}
      {list.isError && <ProblemAlert error={list.error} onRetry={() => list.refetch()} />}
      <Suspense>{isEmpty && <EmptyCatalogue isFirstRun={isFirstRun} />}</Suspense>
      {events.length > 0 && (
        <ul className={`${styles.grid} ${list.isPlaceholderData ? styles.isStale : ""}`}>
          {events.map((event) => (
            <li key={event.id}>
              <EventCard event={event} />
            </li>
          ))}
        </ul>
      )}
      {list.hasNextPage && <More onMore={() => list.fetchNextPage()} isLoading={list.isFetchingNextPage} />}
    </>
  );
}

/** Loads the next page when it is scrolled to; a button for those who do not scroll. */
function More({ onMore, isLoading }: { onMore: () => void; isLoading: boolean }) {
  const end = useRef<HTMLDivElement>(null);
  const load = useRef(onMore);
  load.current = onMore;

  useEffect(() => {
    if (isLoading || end.current === null) return;
    const observer = new IntersectionObserver(
      ([entry]) => {
        if (entry?.isIntersecting) load.current();
      },
      { rootMargin: LOAD_AHEAD },
    );
    observer.observe(end.current);
    return () => observer.disconnect();
  }, [isLoading]);

  return (
    <Center mt="lg" ref={end}>
      <Button variant="default" onClick={onMore} loading={isLoading}>
        Show more
      </Button>
    </Center>
  );
}

function Bones() {
  return (
    <>
      <Text className="visually-hidden" role="status">
        Loading the events
      </Text>
      <div className={styles.grid} aria-hidden="true">
        {BONES.map((key) => (
          <EventCardBone key={key} />
        ))}
      </div>
    </>
  );
}
