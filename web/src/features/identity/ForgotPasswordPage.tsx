/** Has a letter with a link for a new password sent. */
import { Anchor, Button, Stack, Text, TextInput } from "@mantine/core";
import { schemaResolver, useForm } from "@mantine/form";
import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import * as z from "zod/mini";
import { EmptyState } from "../../ui/EmptyState";
import { email } from "../../ui/fields";
import { placeProblem } from "../../ui/formProblem";
import { useDocumentTitle } from "../../ui/PageHeader";
import { ProblemAlert } from "../../ui/ProblemAlert";
import { IdentityCard } from "./IdentityCard";
import { askForNewPassword } from "./queries";

const schema = z.object({ email });

export function ForgotPasswordPage() {
  const [problem, setProblem] = useState<unknown>(null);
  const form = useForm({
    initialValues: { email: "" },
    validate: schemaResolver(schema, { sync: true }),
  });
  const submission = useMutation({
    mutationFn: (values: typeof form.values) => askForNewPassword(values.email.trim()),
    onMutate: () => setProblem(null),
    onError: (error) => setProblem(placeProblem(form, error)),
  });

  if (submission.isSuccess) return <LetterSent />;
  return (
    <IdentityCard
      title="Forgot your password?"
      description="Tell us the email of your account, and a link for a new password is sent there."
    >
      <form onSubmit={form.onSubmit((values) => submission.mutate(values))} noValidate>
        <Stack>
          <ProblemAlert error={problem} />
          <TextInput label="Email" type="email" autoComplete="username" {...form.getInputProps("email")} />
          <Button type="submit" loading={submission.isPending} fullWidth>
            Send the letter
          </Button>
          <Text size="sm" ta="center">
            <BackToSignIn />
          </Text>
        </Stack>
      </form>
    </IdentityCard>
  );
}

function LetterSent() {
  useDocumentTitle("Letter sent");
  return (
    <div role="status">
      <EmptyState icon="check" title="Look into your mail" level={1} action={<BackToSignIn />}>
        If there is an account with this address, a letter is on its way. Its link works for one hour.
      </EmptyState>
    </div>
  );
}

function BackToSignIn() {
  return (
    <Anchor inherit underline="always" renderRoot={(props) => <Link to="/sign-in" {...props} />}>
      Back to sign in
    </Anchor>
  );
}
