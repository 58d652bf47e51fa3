/** The kinds of event an organiser chooses from and a visitor looks for. */
export const EVENT_TYPES = [
  { value: "concert", label: "Concert" },
  { value: "festival", label: "Festival" },
  { value: "club", label: "Club night" },
  { value: "theatre", label: "Theatre" },
  { value: "comedy", label: "Comedy" },
  { value: "conference", label: "Conference" },
  { value: "workshop", label: "Workshop" },
  { value: "sport", label: "Sport" },
  { value: "other", label: "Other" },
] as const;

/** The words for a type; one that came from another program is shown as it is. */
export function eventTypeLabel(eventType: string): string {
  return EVENT_TYPES.find(({ value }) => value === eventType)?.label ?? eventType;
}
