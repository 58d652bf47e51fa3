/** Changes an event. What somebody else changed meanwhile is not overwritten. */
import { Button } from "@mantine/core";
import { useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { PageHeader } from "../../ui/PageHeader";
import { EventForm } from "./EventForm";
import { changeOf, type EventFormValues, eventFieldsOf, formValuesOf } from "./eventFields";
import { eventQuery, updateEvent } from "./queries";

const route = getRouteApi("/_signedIn/organiser/events/$eventId/edit");

export function EditEventPage() {
  const { eventId } = route.useParams();
  const { data: newest, refetch } = useSuspenseQuery(eventQuery(eventId));
  // The version the form was filled from: a refetch in the background must not make it look current.
  const [opened, setOpened] = useState(newest);
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const event = opened.value;

  const reload = async () => {
    const { data } = await refetch();
    if (data) setOpened(data);
  };
  const submit = async (values: EventFormValues) => {
    const change = changeOf(eventFieldsOf(values, event), event);
    if (Object.keys(change).length > 0) await updateEvent(opened, change);
    await queryClient.invalidateQueries();
    await navigate({ to: "/organiser/events/$eventId", params: { eventId } });
  };

  return (
    <>
      <PageHeader title={`Change ${event.name}`} />
      <EventForm
        key={`${opened.version}${event.updatedAt}`}
        initialValues={formValuesOf(event)}
        submitLabel="Save"
        onSubmit={submit}
        onReload={reload}
      >
        <Button
          variant="default"
          renderRoot={(props) => <Link to="/organiser/events/$eventId" params={{ eventId }} {...props} />}
        >
          Go back
        </Button>
      </EventForm>
    </>
  );
}
