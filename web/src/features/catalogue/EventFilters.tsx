/** Search and filters. What is typed waits for a pause, then stands in the address. */
import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { getRouteApi } from "@tanstack/react-router";
import { type FormEvent, useEffect, useRef } from "react";
import { EVENT_TYPES, eventTypeLabel } from "../../ui/eventTypes";
import { Icon } from "../../ui/icons";
import styles from "./EventsPage.module.css";
import { type EventsSearch, readEventsSearch } from "./search";

const route = getRouteApi("/");
const TYPING_PAUSE_MS = 300;

export function EventFilters() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const form = useRef<HTMLFormElement>(null);
  const pause = useRef<ReturnType<typeof setTimeout>>(undefined);
  const isNarrowed = Object.keys(search).some((name) => name !== "q");
  const [isOpen, { toggle }] = useDisclosure(isNarrowed);

  useEffect(() => () => clearTimeout(pause.current), []);
  useFollow(form, search);

  const apply = () => {
    clearTimeout(pause.current);
    if (form.current === null) return;
    const wanted = readEventsSearch(Object.fromEntries(new FormData(form.current)));
    navigate({ search: wanted, replace: true, resetScroll: false });
  };
  const applySoon = () => {
    clearTimeout(pause.current);
    pause.current = setTimeout(apply, TYPING_PAUSE_MS);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    apply();
  };

  return (
    <search>
      <form
        ref={form}
        className={styles.filters}
        data-open={isOpen || undefined}
        onSubmit={submit}
        onChange={applySoon}
      >
        <TextInput
          className={styles.search}
          name="q"
          type="search"
          label="Search"
          placeholder="Name, place or type"
          defaultValue={search.q}
          leftSection={<Icon name="search" size={18} />}
        />
        <Button className={styles.more} variant="default" size="xs" aria-expanded={isOpen} onClick={toggle}>
          {isOpen ? "Fewer filters" : "Place, type and dates"}
        </Button>
        <TextInput
          className={styles.extra}
          name="location"
          type="search"
          label="Place"
          placeholder="City or venue"
          defaultValue={search.location}
        />
        <NativeSelect
          className={styles.extra}
          name="type"
          label="Type"
          defaultValue={search.type}
          data={[{ value: "", label: "Any" }, ...typesWith(search.type)]}
        />
        <TextInput className={styles.extra} name="from" type="date" label="From" defaultValue={search.from} />
        <TextInput className={styles.extra} name="to" type="date" label="To" defaultValue={search.to} />
      </form>
    </search>
  );
}

/** A link may look for a type that is not on our list. */
function typesWith(type: string | undefined): { value: string; label: string }[] {
  if (type === undefined || EVENT_TYPES.some(({ value }) => value === type)) return [...EVENT_TYPES];
  return [...EVENT_TYPES, { value: type, label: eventTypeLabel(type) }];
}

/** The address may change by itself (back, "Show all events"); the fields follow, but not under the hand. */
function useFollow(form: React.RefObject<HTMLFormElement | null>, search: EventsSearch) {
  useEffect(() => {
    for (const field of form.current?.elements ?? []) {
      const isField = field instanceof HTMLInputElement || field instanceof HTMLSelectElement;
      if (!isField || field === document.activeElement) continue;
      field.value = search[field.name as keyof EventsSearch] ?? "";
    }
  }, [form, search]);
}
