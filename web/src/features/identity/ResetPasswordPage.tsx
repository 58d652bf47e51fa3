/** Takes a new password from whoever has the link of a letter for it. */
import { Button, PasswordInput, Stack } from "@mantine/core";
import { schemaResolver, useForm } from "@mantine/form";
import { useMutation } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";
import * as z from "zod/mini";
import { isProblem } from "../../api/problem";
import { EmptyState } from "../../ui/EmptyState";
import { newPassword, PASSWORD_ADVICE } from "../../ui/fields";
import { placeProblem } from "../../ui/formProblem";
import { useDocumentTitle } from "../../ui/PageHeader";
import { ProblemAlert } from "../../ui/ProblemAlert";
import { IdentityCard } from "./IdentityCard";
import { LinkNotValid } from "./LinkNotValid";
import { resetPassword } from "./queries";

const route = getRouteApi("/reset-password");
const schema = z.object({ newPassword });

export function ResetPasswordPage() {
  const { token } = route.useSearch();
  const [problem, setProblem] = useState<unknown>(null);
  const [isDone, setIsDone] = useState(false);

  if (token === undefined || isProblem(problem, "link_not_valid")) {
    return <LinkNotValid action={<AskAgain />} />;
  }
  if (isDone) return <Changed />;
  return (
    <IdentityCard title="Choose a new password" description="You will be signed out everywhere.">
      <NewPasswordForm
        token={token}
        problem={problem}
        onProblem={setProblem}
        onDone={() => setIsDone(true)}
      />
    </IdentityCard>
  );
}

interface NewPasswordFormProps {
  token: string;
  problem: unknown;
  onProblem: (problem: unknown) => void;
  onDone: () => void;
}

function NewPasswordForm({ token, problem, onProblem, onDone }: NewPasswordFormProps) {
  const form = useForm({
    initialValues: { newPassword: "" },
    validate: schemaResolver(schema, { sync: true }),
  });
  const submission = useMutation({
    mutationFn: (values: typeof form.values) => resetPassword(token, values.newPassword),
    onMutate: () => onProblem(null),
    onSuccess: onDone,
    onError: (error) => onProblem(placeProblem(form, error)),
  });
  return (
    <form onSubmit={form.onSubmit((values) => submission.mutate(values))} noValidate>
      <Stack>
        <ProblemAlert error={problem} />
        <PasswordInput
          label="New password"
          description={PASSWORD_ADVICE}
          autoComplete="new-password"
          {...form.getInputProps("newPassword")}
        />
        <Button type="submit" loading={submission.isPending} fullWidth>
          Change the password
        </Button>
      </Stack>
    </form>
  );
}

function Changed() {
  useDocumentTitle("Password changed");
  return (
    <div role="status">
      <EmptyState
        icon="check"
        title="Your password is changed"
        level={1}
        action={
          <Button mt="sm" renderRoot={(props) => <Link to="/sign-in" {...props} />}>
            Sign in
          </Button>
        }
      >
        Sign in with the new one.
      </EmptyState>
    </div>
  );
}

function AskAgain() {
  return (
    <Button mt="sm" renderRoot={(props) => <Link to="/forgot-password" {...props} />}>
      Ask for another letter
    </Button>
  );
}
