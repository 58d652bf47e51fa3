/** Name, kind and rights of a program. The kind is chosen once, when the program is registered. */
import { MultiSelect, Radio, Stack, Textarea, TextInput } from "@mantine/core";
import { schemaResolver, type UseFormReturnType, useForm } from "@mantine/form";
import { useMutation, useSuspenseQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import * as z from "zod/mini";
import { permissionsQuery } from "../../api/roles";
import { FormActions } from "../../ui/FormActions";
import { ProblemAlert } from "../../ui/ProblemAlert";
import { Surface } from "../../ui/Surface";
import { Toggles, toggled } from "../../ui/Toggles";
import { KINDS, NEW_PROGRAM, type ProgramFields, SCOPES } from "./programs";

const name = z
  .string()
  .check(z.trim(), z.minLength(1, "Enter a name."), z.maxLength(100, "That is too long."));
const schema = z.object({
  name,
  redirectAddresses: z.string().check(z.trim(), z.minLength(1, "Enter at least one address.")),
});
const serviceSchema = z.object({ name });

type Form = UseFormReturnType<ProgramFields>;

interface ProgramFormProps {
  program?: ProgramFields;
  submitLabel: string;
  onSubmit: (fields: ProgramFields) => Promise<void>;
  children?: ReactNode;
}

export function ProgramForm({ program, submitLabel, onSubmit, children }: ProgramFormProps) {
  const form: Form = useForm<ProgramFields>({
    initialValues: program ?? NEW_PROGRAM,
    validate: (values) =>
      schemaResolver(values.kind === "service" ? serviceSchema : schema, { sync: true })(values),
  });
  const saving = useMutation({ mutationFn: onSubmit });
  const isService = form.values.kind === "service";

  return (
    <Surface>
      <form onSubmit={form.onSubmit((fields) => saving.mutate(fields))} noValidate>
        <Stack maw={640}>
          <TextInput
            label="Name"
            description="People see it when the program asks for access."
            {...form.getInputProps("name")}
          />
          {program === undefined && <KindChoice form={form} />}
          {isService ? <ServiceRights form={form} /> : <SignInRights form={form} />}
          <ProblemAlert error={saving.error} />
          <FormActions submitLabel={submitLabel} isPending={saving.isPending}>
            {children}
          </FormActions>
        </Stack>
      </form>
    </Surface>
  );
}

function KindChoice({ form }: { form: Form }) {
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

function SignInRights({ form }: { form: Form }) {
  return (
    <>
      <Textarea
        label="Redirect addresses"
        description="Where people come back to after signing in; one address per line, compared letter by letter."
        placeholder="https://shop.example.org/signed-in"
        autosize
        minRows={2}
        autoCapitalize="none"
        spellCheck={false}
        {...form.getInputProps("redirectAddresses")}
      />
      <Toggles
        label="What it may ask for"
        options={SCOPES}
        chosen={form.values.scopes}
        onToggle={(scope) => form.setFieldValue("scopes", toggled(form.values.scopes, scope))}
      />
    </>
  );
}

function ServiceRights({ form }: { form: Form }) {
  const { data: available } = useSuspenseQuery(permissionsQuery);
  return (
    <MultiSelect
      label="Permissions"
      description="What it may do, everywhere. Whatever is not named is denied."
      data={available.items.map((permission) => permission.name)}
      searchable
      nothingFoundMessage="No permission has this name."
      {...form.getInputProps("permissions")}
    />
  );
}
