/** Everything about an event that its organiser decides, for a new one and for changing one. */
import {
  ActionIcon,
  Button,
  Checkbox,
  Group,
  NumberInput,
  Select,
  SimpleGrid,
  Stack,
  Text,
  Textarea,
  TextInput,
  Title,
} from "@mantine/core";
import { schemaResolver, type UseFormReturnType, useForm } from "@mantine/form";
import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useMemo, useState } from "react";
import { isStale } from "../../api/versioned";
import { EVENT_TYPES, eventTypeLabel } from "../../ui/eventTypes";
import { FormActions } from "../../ui/FormActions";
import { currencyCodes, currencyDigits, formatEventTime } from "../../ui/format";
import { placeProblem } from "../../ui/formProblem";
import { Icon } from "../../ui/icons";
import { ProblemAlert } from "../../ui/ProblemAlert";
import { StaleAlert } from "../../ui/StaleAlert";
import { Surface } from "../../ui/Surface";
import { instantOf, zoneNames } from "../../ui/zonedTime";
import { type EventFormValues, eventFormSchema } from "./eventFields";

interface EventFormProps {
  initialValues: EventFormValues;
  submitLabel: string;
  onSubmit: (values: EventFormValues) => Promise<void>;
  onReload?: () => void;
  /** Beside the button: the way back. */
  children: ReactNode;
}

type Form = UseFormReturnType<EventFormValues>;

export function EventForm({ initialValues, submitLabel, onSubmit, onReload, children }: EventFormProps) {
  const [problem, setProblem] = useState<unknown>(null);
  const form = useForm<EventFormValues>({
    initialValues,
    validate: schemaResolver(eventFormSchema, { sync: true }),
  });
  const submission = useMutation({
    mutationFn: onSubmit,
    onMutate: () => setProblem(null),
    onError: (error) => setProblem(placeProblem(form, error, { seats_below_sold: "seats" })),
  });

  return (
    <form
      onSubmit={form.onSubmit(
        (values) => submission.mutate(values),
        () => focusFirstError(),
      )}
      noValidate
    >
      <Stack gap="lg">
        <What form={form} />
        <When form={form} />
        <Sale form={form} />
        <Details form={form} />
        {isStale(problem) && onReload ? <StaleAlert onReload={onReload} /> : <ProblemAlert error={problem} />}
        <FormActions submitLabel={submitLabel} isPending={submission.isPending}>
          {children}
        </FormActions>
      </Stack>
    </form>
  );
}

function What({ form }: { form: Form }) {
  const [kinds] = useState(() => kindsWith(form.values.eventType));
  return (
    <Surface>
      <Stack maw={680}>
        <Title order={2}>What and where</Title>
        <TextInput label="Name" {...form.getInputProps("name")} />
        <Textarea
          label="Description"
          description="What guests read before they buy."
          autosize
          minRows={3}
          maxRows={14}
          {...form.getInputProps("description")}
        />
        <SimpleGrid cols={{ base: 1, xs: 2 }}>
          <Select
            label="Kind of event"
            placeholder="Choose one"
            data={kinds}
            allowDeselect={false}
            {...form.getInputProps("eventType")}
          />
          <TextInput label="Place" placeholder="Hall, city" {...form.getInputProps("location")} />
        </SimpleGrid>
      </Stack>
    </Surface>
  );
}

function When({ form }: { form: Form }) {
  const { timeZone } = form.values;
  const zones = useMemo(() => zoneNames(timeZone), [timeZone]);
  return (
    <Surface>
      <Stack maw={680}>
        <Title order={2}>When</Title>
        <Select
          label="Time zone of the venue"
          description="The times below are those on the clock there."
          data={zones}
          searchable
          allowDeselect={false}
          limit={60}
          nothingFoundMessage="No zone goes by that name"
          {...form.getInputProps("timeZone")}
        />
        <SimpleGrid cols={{ base: 1, xs: 2 }}>
          <Moment form={form} label="Starts" field="startDate" occurrence="startOccurrence" />
          <Moment form={form} label="Ends" field="endDate" occurrence="endOccurrence" />
        </SimpleGrid>
      </Stack>
    </Surface>
  );
}

interface MomentProps {
  form: Form;
  label: string;
  field: "startDate" | "endDate";
  occurrence: "startOccurrence" | "endOccurrence";
}

/** A date and time at the venue; says so when its clocks skip or repeat it that night. */
function Moment({ form, label, field, occurrence }: MomentProps) {
  const { timeZone } = form.values;
  const found = instantOf(form.values[field], timeZone, form.values[occurrence]);
  return (
    <Stack gap={6}>
      <TextInput type="datetime-local" label={label} {...form.getInputProps(field)} />
      {found && (
        <Text size="sm" c="dimmed" role="status">
          {found.kind === "skipped" && "The clocks skip this time that night. It becomes "}
          {formatEventTime(found.instant, timeZone)}
        </Text>
      )}
      {found?.kind === "repeated" && (
        <Checkbox
          label="The second one: the clocks go back that night and this time comes twice"
          checked={form.values[occurrence] === "second"}
          onChange={(event) =>
            form.setFieldValue(occurrence, event.currentTarget.checked ? "second" : "first")
          }
        />
      )}
    </Stack>
  );
}

function Sale({ form }: { form: Form }) {
  const { currency } = form.values;
  const currencies = useMemo(() => [...new Set([currency, ...currencyCodes()])].sort(), [currency]);
  const digits = currencyDigits(currency);
  return (
    <Surface>
      <Stack maw={680}>
        <Title order={2}>Seats and price</Title>
        <SimpleGrid cols={{ base: 1, xs: 3 }}>
          <NumberInput
            label="Seats"
            min={1}
            allowDecimal={false}
            thousandSeparator=","
            hideControls
            {...form.getInputProps("seats")}
          />
          <NumberInput
            label="Price of a ticket"
            min={0}
            allowNegative={false}
            decimalScale={digits}
            fixedDecimalScale={digits > 0}
            thousandSeparator=","
            hideControls
            {...form.getInputProps("price")}
            error={form.errors.price ?? form.errors["price.amountMinor"]}
          />
          <Select
            label="Currency"
            data={currencies}
            searchable
            allowDeselect={false}
            limit={60}
            {...form.getInputProps("currency")}
            error={form.errors.currency ?? form.errors["price.currency"]}
          />
        </SimpleGrid>
      </Stack>
    </Surface>
  );
}

function Details({ form }: { form: Form }) {
  const { details } = form.values;
  const error = Object.entries(form.errors).find(([field]) => field.startsWith("details"))?.[1];
  const add = () => {
    const id = Math.max(-1, ...details.map((row) => row.id)) + 1;
    form.insertListItem("details", { id, key: "", value: "" });
  };
  return (
    <Surface>
      <Stack maw={680}>
        <div>
          <Title order={2}>Details</Title>
          <Text c="dimmed" size="sm">
            Anything else guests or crew should know, such as doors, age limit or dress code.
          </Text>
        </div>
        {details.map(({ id }, index) => (
          <Group key={id} gap="xs" wrap="nowrap" align="flex-end">
            <TextInput
              aria-label={`Name of detail ${index + 1}`}
              placeholder="Doors"
              style={{ flex: "1 1 35%", minWidth: 0 }}
              {...form.getInputProps(`details.${index}.key`)}
            />
            <TextInput
              aria-label={`Text of detail ${index + 1}`}
              placeholder="18:00"
              style={{ flex: "2 1 65%", minWidth: 0 }}
              {...form.getInputProps(`details.${index}.value`)}
            />
            <ActionIcon
              size="input-sm"
              variant="default"
              aria-label={`Remove detail ${index + 1}`}
              onClick={() => form.removeListItem("details", index)}
            >
              <Icon name="cross" size={18} />
            </ActionIcon>
          </Group>
        ))}
        {error && (
          <Text c="var(--mantine-color-error)" size="sm" role="alert">
            {error}
          </Text>
        )}
        <Button
          variant="default"
          leftSection={<Icon name="plus" size={18} />}
          onClick={add}
          style={{ alignSelf: "flex-start" }}
        >
          Add a detail
        </Button>
      </Stack>
    </Surface>
  );
}

/** The kinds one chooses from; one that another program gave the event stays a choice. */
function kindsWith(kind: string): { value: string; label: string }[] {
  const isKnown = kind === "" || EVENT_TYPES.some(({ value }) => value === kind);
  return isKnown ? [...EVENT_TYPES] : [...EVENT_TYPES, { value: kind, label: eventTypeLabel(kind) }];
}

/** The form is longer than a screen, so what is wrong is brought into view. */
function focusFirstError() {
  requestAnimationFrame(() => document.querySelector<HTMLElement>("main [aria-invalid=true]")?.focus());
}
