/** Name, email and password of a new account: the form that sign-up and setup share. */
import { Button, PasswordInput, SimpleGrid, Stack, TextInput } from "@mantine/core";
import { schemaResolver, useForm } from "@mantine/form";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import * as z from "zod/mini";
import { email, firstName, lastName, newPassword, PASSWORD_ADVICE } from "../../ui/fields";
import { placeProblem } from "../../ui/formProblem";
import { ProblemAlert } from "../../ui/ProblemAlert";
import type { NewAccount } from "./queries";

const schema = z.object({ firstName, lastName, email, password: newPassword });

interface NewAccountFormProps {
  submitLabel: string;
  onSubmit: (account: NewAccount) => Promise<void>;
  onDone: () => void;
}

export function NewAccountForm({ submitLabel, onSubmit, onDone }: NewAccountFormProps) {
  const [problem, setProblem] = useState<unknown>(null);
  const form = useForm<NewAccount>({
    initialValues: { firstName: "", lastName: "", email: "", password: "" },
    validate: schemaResolver(schema, { sync: true }),
  });
  const submission = useMutation({
    mutationFn: onSubmit,
    onMutate: () => setProblem(null),
    onSuccess: onDone,
    onError: (error) => setProblem(placeProblem(form, error, { email_taken: "email" })),
  });

  return (
    <form onSubmit={form.onSubmit((values) => submission.mutate(values))} noValidate>
      <Stack>
        <ProblemAlert error={problem} />
        <SimpleGrid cols={{ base: 1, xs: 2 }}>
          <TextInput label="First name" autoComplete="given-name" {...form.getInputProps("firstName")} />
          <TextInput label="Last name" autoComplete="family-name" {...form.getInputProps("lastName")} />
        </SimpleGrid>
        <TextInput label="Email" type="email" autoComplete="username" {...form.getInputProps("email")} />
        <PasswordInput
          label="Password"
          description={PASSWORD_ADVICE}
          autoComplete="new-password"
          {...form.getInputProps("password")}
        />
        <Button type="submit" loading={submission.isPending} fullWidth>
          {submitLabel}
        </Button>
      </Stack>
    </form>
  );
}
