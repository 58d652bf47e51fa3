/** Name, kind and rights of a program. The kind is chosen once, when the program is registered. */
import { MultiSelect, Radio, Select, Stack, TextInput } from "@mantine/core";
import { schemaResolver, type UseFormReturnType, useForm } from "@mantine/form";
import { useMutation, useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import * as z from "zod/mini";
import { customersQuery } from "../../api/customers";
import { mayEverywhere, useMe } from "../../api/me";
import { permissionsQuery } from "../../api/roles";
import { FormActions } from "../../ui/FormActions";
import { ProblemAlert } from "../../ui/ProblemAlert";
import { Surface } from "../../ui/Surface";
import { Toggles, toggled } from "../../ui/Toggles";
import { AddressesInput, ProgramDetails } from "./ProgramDetails";
import { KINDS, NEW_PROGRAM, type ProgramFields, SCOPES, signsInByBrowser } from "./programs";

export type ProgramFormState = UseFormReturnType<ProgramFields>;

const common = {
  name: z.string().check(z.trim(), z.minLength(1, "Enter a name."), z.maxLength(100, "That is too long.")),
  keys: z.string().check(z.refine(isKeySet, 'Enter a JSON object with the list "keys".')),
};
const schema = z.object(common);
const browserSchema = z.object({
  ...common,
  redirectAddresses: z.string().check(z.trim(), z.minLength(1, "Enter at least one address.")),
});

interface ProgramFormProps {
  program?: ProgramFields;
  submitLabel: string;
  onSubmit: (fields: ProgramFields) => Promise<void>;
  children?: ReactNode;
}

export function ProgramForm({ program, submitLabel, onSubmit, children }: ProgramFormProps) {
  const [areDetailsOpen, setDetailsOpen] = useState(false);
  const form: ProgramFormState = useForm<ProgramFields>({
    initialValues: program ?? NEW_PROGRAM,
    validate: (values) =>
      schemaResolver(signsInByBrowser(values.kind) ? browserSchema : schema, { sync: true })(values),
  });
  const saving = useMutation({ mutationFn: onSubmit });
  const submit = form.onSubmit(
    (fields) => saving.mutate(fields),
    (errors) => errors.keys && setDetailsOpen(true),
  );

  return (
    <Surface>
      <form onSubmit={submit} noValidate>
        <Stack maw={640}>
          <TextInput
            label="Name"
            description="People see it when the program asks for access."
            {...form.getInputProps("name")}
          />
          {program === undefined && <KindChoice form={form} />}
          {form.values.kind === "service" ? <ServiceRights form={form} /> : <SignInRights form={form} />}
          <ProgramDetails form={form} isOpen={areDetailsOpen} onToggle={setDetailsOpen} />
          <ProblemAlert error={saving.error} />
          <FormActions submitLabel={submitLabel} isPending={saving.isPending}>
            {children}
          </FormActions>
        </Stack>
      </form>
    </Surface>
  );
}

function KindChoice({ form }: { form: ProgramFormState }) {
  return (
    <Radio.Group label="Kind" {...form.getInputProps("kind")}>
      <Stack gap="sm" mt="xs">
        {Object.entries(KINDS).map(([kind, { label, description }]) => (
          <Radio key={kind} value={kind} label={label} description={description} />
        ))}
      </Stack>
    </Radio.Group>
  );
}

function SignInRights({ form }: { form: ProgramFormState }) {
  return (
    <>
      {signsInByBrowser(form.values.kind) && (
        <AddressesInput
          label="Redirect addresses"
          description="Where people come back to after signing in; one address per line, compared letter by letter."
          placeholder="https://shop.example.org/signed-in"
          {...form.getInputProps("redirectAddresses")}
        />
      )}
      <Toggles
        label="What it may ask for"
        options={SCOPES}
        chosen={form.values.scopes}
        onToggle={(scope) => form.setFieldValue("scopes", toggled(form.values.scopes, scope))}
      />
    </>
  );
}

function ServiceRights({ form }: { form: ProgramFormState }) {
  const { data: available } = useSuspenseQuery(permissionsQuery);
  const me = useMe();
  return (
    <>
      <MultiSelect
        label="Permissions"
        description="What it may do. Whatever is not named is denied."
        data={available.items.map((permission) => permission.name)}
        searchable
        nothingFoundMessage="No permission has this name."
        {...form.getInputProps("permissions")}
      />
      {mayEverywhere(me, "customers:read") && <CustomerChoice form={form} />}
    </>
  );
}

function CustomerChoice({ form }: { form: ProgramFormState }) {
  const { data: customers = [] } = useQuery(customersQuery);
  return (
    <Select
      label="Customer"
      description="Its permissions reach into this customer only."
      placeholder="Every customer"
      data={customers.map(({ id, name }) => ({ value: id, label: name }))}
      clearable
      searchable
      limit={50}
      clearButtonProps={{ "aria-label": "Every customer" }}
      {...form.getInputProps("customerId")}
    />
  );
}

function isKeySet(text: string): boolean {
  if (text.trim() === "") return true;
  try {
    return Array.isArray(JSON.parse(text)?.keys);
  } catch {
    return false;
  }
}
