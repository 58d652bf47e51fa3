/** Plans an event: it starts as a draft. */
import { Button } from "@mantine/core";
import { useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { meQuery } from "../../api/me";
import { EmptyState } from "../../ui/EmptyState";
import { PageHeader } from "../../ui/PageHeader";
import { chosenCustomer } from "./customers";
import { EventForm } from "./EventForm";
import { type EventFormValues, emptyEvent, eventFieldsOf } from "./eventFields";
import { createEvent } from "./queries";

const route = getRouteApi("/_signedIn/organiser/events/new");
const CURRENCY_MARK = "backline.currency";
const CURRENCY_DEFAULT = "EUR";

export function NewEventPage() {
  const { data: me } = useSuspenseQuery(meQuery);
  const search = route.useSearch();
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const customerId = me && chosenCustomer(me, search, ["events:create"]);
  if (!customerId) return <NoOrganiser />;

  const submit = async (values: EventFormValues) => {
    const event = await createEvent(customerId, eventFieldsOf(values));
    localStorage.setItem(CURRENCY_MARK, values.currency);
    await queryClient.invalidateQueries();
    await navigate({ to: "/organiser/events/$eventId", params: { eventId: event.id } });
  };

  return (
    <>
      <PageHeader
        title="New event"
        description="It is saved as a draft that only your organiser sees. You publish it when you are ready."
      />
      <EventForm
        initialValues={emptyEvent(localStorage.getItem(CURRENCY_MARK) ?? CURRENCY_DEFAULT)}
        submitLabel="Save as a draft"
        onSubmit={submit}
      >
        <Button variant="default" renderRoot={(props) => <Link to="/organiser" search={search} {...props} />}>
          Go back
        </Button>
      </EventForm>
    </>
  );
}

function NoOrganiser() {
  return (
    <EmptyState
      icon="building"
      title="Choose an organiser first"
      level={1}
      action={
        <Button mt="sm" renderRoot={(props) => <Link to="/organiser" {...props} />}>
          Go to the organiser
        </Button>
      }
    >
      An event belongs to an organiser, and you plan events for those of which you are an administrator.
    </EmptyState>
  );
}
