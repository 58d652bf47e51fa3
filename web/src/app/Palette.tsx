/**
 * "Search or jump to": one box for the pages one may open and for events by name.
 * Loaded when it is first opened.
 */
import "@mantine/spotlight/styles.layer.css";
import { useDebouncedValue } from "@mantine/hooks";
import { createSpotlight, Spotlight } from "@mantine/spotlight";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { query as apiQuery } from "../api/client";
import { useMe } from "../api/me";
import { formatEventDate } from "../ui/format";
import { Icon } from "../ui/icons";
import { navigationFor } from "./pages";

const [store, palette] = createSpotlight();
const EVENTS_MAX = 6;
const SEARCH_LETTERS_MIN = 2;
const SEARCH_DELAY_MS = 150;

export default function Palette({ opening, onShortcuts }: { opening: number; onShortcuts: () => void }) {
  const [text, setText] = useState("");
  const navigate = useNavigate();
  const pages = usePages(text);
  const events = useEvents(text);

  // biome-ignore lint/correctness/useExhaustiveDependencies: each rise of `opening` opens it again
  useEffect(() => palette.open(), [opening]);

  return (
    <Spotlight.Root
      store={store}
      query={text}
      onQueryChange={setText}
      shortcut={null}
      scrollable
      maxHeight={420}
    >
      <Spotlight.Search
        placeholder="Search or jump to"
        aria-label="Search or jump to"
        leftSection={<Icon name="search" />}
      />
      <Spotlight.ActionsList>
        {pages.length > 0 && (
          <Spotlight.ActionsGroup label="Pages">
            {pages.map(({ to, label, icon }) => (
              <Spotlight.Action
                key={to}
                label={label}
                leftSection={<Icon name={icon} />}
                onClick={() => navigate({ to })}
              />
            ))}
          </Spotlight.ActionsGroup>
        )}
        {events.length > 0 && (
          <Spotlight.ActionsGroup label="Events">
            {events.map(({ id, name, location, startDate, timeZone }) => (
              <Spotlight.Action
                key={id}
                label={name}
                description={`${formatEventDate(startDate, timeZone)}, ${location}`}
                leftSection={<Icon name="ticket" />}
                onClick={() => navigate({ to: "/events/$eventId", params: { eventId: id } })}
              />
            ))}
          </Spotlight.ActionsGroup>
        )}
        {matches("keyboard shortcuts help", text) && (
          <Spotlight.ActionsGroup label="Help">
            <Spotlight.Action
              label="Keyboard shortcuts"
              leftSection={<Icon name="keyboard" />}
              onClick={onShortcuts}
            />
          </Spotlight.ActionsGroup>
        )}
        {pages.length + events.length === 0 && <Spotlight.Empty>Nothing goes by that name.</Spotlight.Empty>}
      </Spotlight.ActionsList>
    </Spotlight.Root>
  );
}

function usePages(text: string) {
  const me = useMe();
  return navigationFor(me)
    .flatMap(({ entries }) => entries)
    .filter(({ label, keywords = "" }) => matches(`${label} ${keywords}`, text));
}

function useEvents(text: string) {
  const [q] = useDebouncedValue(text.trim(), SEARCH_DELAY_MS);
  const isLongEnough = q.length >= SEARCH_LETTERS_MIN;
  const { data } = useQuery({
    ...apiQuery.queryOptions("get", "/api/v1/events", { params: { query: { q, limit: EVENTS_MAX } } }),
    enabled: isLongEnough,
    placeholderData: keepPreviousData,
  });
  return isLongEnough ? (data?.items ?? []) : [];
}

function matches(words: string, text: string): boolean {
  return words.toLowerCase().includes(text.trim().toLowerCase());
}
