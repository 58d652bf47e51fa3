/** The tickets of one event: all of them by state, one of them by its code, and cancelling one. */
import { Button, Group, Text, TextInput, Title } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Suspense, useState } from "react";
import { usePages } from "../../api/paging";
import type { Event, Ticket, TicketStatus } from "../../api/types";
import { ConfirmDialog } from "../../ui/ConfirmDialog";
import { type Column, DataTable } from "../../ui/DataTable";
import { EmptyState } from "../../ui/EmptyState";
import { FilterLinks } from "../../ui/FilterLinks";
import { formatMoment, formatPrice } from "../../ui/format";
import { Icon } from "../../ui/icons";
import { ProblemAlert } from "../../ui/ProblemAlert";
import { StatusBadge } from "../../ui/StatusBadge";
import { Surface } from "../../ui/Surface";
import { cancelTicket, eventTicketsQuery, findTicket } from "./queries";

const route = getRouteApi("/_signedIn/organiser/events/$eventId/");

const STATUSES: { value: TicketStatus | undefined; label: string }[] = [
  { value: undefined, label: "All" },
  { value: "valid", label: "Valid" },
  { value: "checkedIn", label: "Checked in" },
  { value: "cancelled", label: "Cancelled" },
];

export function EventTickets({ event }: { event: Event }) {
  const [ticket, setTicket] = useState<Ticket | null>(null);
  return (
    <Surface>
      <Title order={2} mb="sm">
        Tickets
      </Title>
      <CodeSearch event={event} onFound={setTicket} />
      {ticket ? (
        <FoundTicket ticket={ticket} onClose={() => setTicket(null)} />
      ) : (
        <>
          <FilterLinks label="Which tickets">
            {STATUSES.map(({ value, label }) => (
              <Link
                key={label}
                from="/organiser/events/$eventId/"
                to="."
                search={(before) => ({ ...before, tickets: value })}
                activeOptions={{ exact: true }}
                resetScroll={false}
              >
                {label}
              </Link>
            ))}
          </FilterLinks>
          <Suspense fallback={<div style={{ minHeight: 240 }} />}>
            <AllTickets eventId={event.id} />
          </Suspense>
        </>
      )}
    </Surface>
  );
}

function CodeSearch({ event, onFound }: { event: Event; onFound: (ticket: Ticket | null) => void }) {
  const search = useMutation({
    mutationFn: async (code: string) => {
      if (code === "") return null;
      const ticket = await findTicket(code);
      return ticket.eventId === event.id ? ticket : "elsewhere";
    },
    onMutate: () => onFound(null),
    onSuccess: (found) => found !== "elsewhere" && onFound(found),
  });
  return (
    <search>
      <form action={(data) => search.mutate(String(data.get("code") ?? "").trim())}>
        <Group gap="sm" mb="sm" wrap="nowrap" align="flex-start">
          <TextInput
            name="code"
            type="search"
            aria-label="Search by ticket code"
            placeholder="7KQ2-M9XD-4TBA-PR3W"
            leftSection={<Icon name="search" size={18} />}
            autoComplete="off"
            error={search.data === "elsewhere" && "That ticket is for another event."}
            style={{ flex: "0 1 320px", minWidth: 0 }}
          />
          <Button type="submit" variant="default" loading={search.isPending} style={{ flex: "none" }}>
            Search
          </Button>
        </Group>
      </form>
      <ProblemAlert
        error={search.error}
        messages={{ ticket_not_found: "There is no ticket with that code." }}
      />
    </search>
  );
}

function FoundTicket({ ticket, onClose }: { ticket: Ticket; onClose: () => void }) {
  return (
    <>
      <TicketTable tickets={[ticket]} onCancelled={onClose} />
      <Button variant="default" mt="sm" onClick={onClose}>
        Show all tickets
      </Button>
    </>
  );
}

function AllTickets({ eventId }: { eventId: string }) {
  const { tickets: status } = route.useSearch();
  const { items, onMore, isLoadingMore } = usePages(eventTicketsQuery(eventId, status));
  return <TicketTable tickets={items} onMore={onMore} isLoadingMore={isLoadingMore} />;
}

interface TicketTableProps {
  tickets: Ticket[];
  onMore?: () => void;
  isLoadingMore?: boolean;
  onCancelled?: () => void;
}

function TicketTable({ tickets, onMore, isLoadingMore, onCancelled }: TicketTableProps) {
  const [cancelling, setCancelling] = useState<Ticket | null>(null);
  const queryClient = useQueryClient();
  const cancel = async () => {
    if (cancelling === null) return;
    await cancelTicket(cancelling.code);
    onCancelled?.();
    await queryClient.invalidateQueries();
  };

  const columns: Column<Ticket>[] = [
    { key: "code", header: "Code", isTitle: true, cell: ({ code }) => <code>{code}</code> },
    { key: "holder", header: "Holder", cell: ({ holderName }) => holderName },
    { key: "status", header: "Status", cell: ({ status }) => <StatusBadge status={status} /> },
    {
      key: "when",
      header: "Bought, came in",
      cell: ({ issuedAt, checkedInAt }) => (
        <Text size="sm" c="dimmed">
          {formatMoment(issuedAt)}
          {checkedInAt && (
            <>
              <br />
              {formatMoment(checkedInAt)}
            </>
          )}
        </Text>
      ),
    },
    { key: "price", header: "Price", isNumeric: true, cell: ({ price }) => formatPrice(price) },
    {
      key: "cancel",
      header: "Action",
      isNumeric: true,
      cell: (ticket) =>
        ticket.status === "valid" && (
          <Button
            size="compact-sm"
            variant="default"
            aria-label={`Cancel the ticket ${ticket.code}`}
            onClick={() => setCancelling(ticket)}
          >
            Cancel
          </Button>
        ),
    },
  ];

  return (
    <>
      <DataTable
        caption="Tickets of this event"
        columns={columns}
        rows={tickets}
        rowKey={({ code }) => code}
        onMore={onMore}
        isLoadingMore={isLoadingMore}
        empty={
          <EmptyState icon="ticket" title="No tickets here">
            Each ticket that is sold appears at once.
          </EmptyState>
        }
      />
      <ConfirmDialog
        isOpen={cancelling !== null}
        onClose={() => setCancelling(null)}
        title="Cancel this ticket?"
        confirmLabel="Cancel the ticket"
        onConfirm={cancel}
      >
        {cancelling?.holderName} cannot come in with {cancelling?.code} any more, and the seat goes back on
        sale. This cannot be taken back.
      </ConfirmDialog>
    </>
  );
}
