/** Name, description and permissions of a role of this installation's own. */
import { Stack, Text, Textarea, TextInput, Title } from "@mantine/core";
import { schemaResolver, useForm } from "@mantine/form";
import { useMutation, useSuspenseQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import * as z from "zod/mini";
import { permissionsQuery, type RoleFields } from "../../api/roles";
import { isStale } from "../../api/versioned";
import { FormActions } from "../../ui/FormActions";
import { placeProblem } from "../../ui/formProblem";
import { ProblemAlert } from "../../ui/ProblemAlert";
import { StaleAlert } from "../../ui/StaleAlert";
import { Surface } from "../../ui/Surface";
import { RoleEditor } from "./RoleEditor";

const schema = z.object({
  name: z
    .string()
    .check(
      z.trim(),
      z.regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, "Use lower-case words joined by hyphens, such as merch-seller."),
      z.maxLength(50, "That is too long."),
    ),
  permissions: z.array(z.string()).check(z.minLength(1, "Choose at least one permission.")),
});

interface RoleFormProps {
  role?: RoleFields;
  submitLabel: string;
  onSubmit: (fields: RoleFields) => Promise<void>;
  onReload?: () => void;
  children?: ReactNode;
}

export function RoleForm({ role, submitLabel, onSubmit, onReload, children }: RoleFormProps) {
  const { data: available } = useSuspenseQuery(permissionsQuery);
  const [problem, setProblem] = useState<unknown>(null);
  const form = useForm<RoleFields>({
    initialValues: role ?? { name: "", description: "", permissions: [] },
    validate: schemaResolver(schema, { sync: true }),
  });
  const saving = useMutation({
    mutationFn: onSubmit,
    onMutate: () => setProblem(null),
    onError: (error) => setProblem(placeProblem(form, error, { role_name_taken: "name" })),
  });

  return (
    <form onSubmit={form.onSubmit((fields) => saving.mutate(fields))} noValidate>
      <Stack gap="lg">
        <Surface>
          <Stack maw={640}>
            {role === undefined && (
              <TextInput
                label="Name"
                description="Programs know the role by it, so it stays as it is."
                placeholder="merch-seller"
                autoCapitalize="none"
                {...form.getInputProps("name")}
              />
            )}
            <Textarea
              label="Description"
              description="Who it is for, in one sentence."
              autosize
              minRows={2}
              {...form.getInputProps("description")}
            />
          </Stack>
        </Surface>
        <div>
          <Title order={2}>What it may do</Title>
          <Text c="dimmed" size="sm" maw="66ch">
            Whatever is not ticked is denied. Own customer: only inside the customer in which the role is
            given. Own things: only what belongs to the holder, such as their tickets.
          </Text>
          {form.errors.permissions && (
            <Text c="var(--mantine-color-error)" size="sm" role="alert" mt="xs">
              {form.errors.permissions}
            </Text>
          )}
        </div>
        <RoleEditor
          available={available.items}
          chosen={form.values.permissions}
          onChange={(permissions) => form.setFieldValue("permissions", permissions)}
        />
        {isStale(problem) && onReload ? <StaleAlert onReload={onReload} /> : <ProblemAlert error={problem} />}
        <FormActions submitLabel={submitLabel} isPending={saving.isPending}>
          {children}
        </FormActions>
      </Stack>
    </form>
  );
}
