/**
 * Signs in without a password, by the link of a letter: without a link this page has one sent, with one a
 * button signs in. Opening the page does not: programs that look for viruses open the links of letters
 * as well, and would use them up.
 */
import { Anchor, Button, Stack, Text, TextInput } from "@mantine/core";
import { schemaResolver, useForm } from "@mantine/form";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, useRouter } from "@tanstack/react-router";
import { useState } from "react";
import * as z from "zod/mini";
import { isProblem } from "../../api/problem";
import { EmptyState } from "../../ui/EmptyState";
import { email } from "../../ui/fields";
import { placeProblem } from "../../ui/formProblem";
import { useDocumentTitle } from "../../ui/PageHeader";
import { ProblemAlert } from "../../ui/ProblemAlert";
import { CodeField } from "./CodeField";
import { IdentityCard } from "./IdentityCard";
import { LinkNotValid } from "./LinkNotValid";
import { askForSignInLink, signInByLink } from "./queries";

const route = getRouteApi("/sign-in-link");

export function SignInLinkPage() {
  const { token } = route.useSearch();
  return token === undefined ? <AskForLink /> : <UseLink token={token} />;
}

const emailSchema = z.object({ email });

function AskForLink() {
  const [problem, setProblem] = useState<unknown>(null);
  const form = useForm({
    initialValues: { email: "" },
    validate: schemaResolver(emailSchema, { sync: true }),
  });
  const submission = useMutation({
    mutationFn: (values: typeof form.values) => askForSignInLink(values.email.trim()),
    onMutate: () => setProblem(null),
    onError: (error) => setProblem(placeProblem(form, error)),
  });

  if (submission.isSuccess) return <LetterSent />;
  return (
    <IdentityCard
      title="Sign in by email"
      description="Tell us the email of your account, and a link that signs you in is sent there."
    >
      <form onSubmit={form.onSubmit((values) => submission.mutate(values))} noValidate>
        <Stack>
          <ProblemAlert error={problem} />
          <TextInput label="Email" type="email" autoComplete="username" {...form.getInputProps("email")} />
          <Button type="submit" loading={submission.isPending} fullWidth>
            Send me a link
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
        If there is an account with this address, a letter is on its way. Its link works once, for ten
        minutes.
      </EmptyState>
    </div>
  );
}

const codeSchema = z.object({ secondFactor: z.string().check(z.trim(), z.minLength(1, "Enter the code.")) });
const noSchema = z.object({});

function UseLink({ token }: { token: string }) {
  const router = useRouter();
  const queryClient = useQueryClient();
  const [isCodeWanted, setIsCodeWanted] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const form = useForm({
    initialValues: { secondFactor: "" },
    validate: schemaResolver(isCodeWanted ? codeSchema : noSchema, { sync: true }),
  });
  const submission = useMutation({
    mutationFn: ({ secondFactor }: typeof form.values) =>
      signInByLink(queryClient, { token, secondFactor: secondFactor.trim() }),
    onMutate: () => setProblem(null),
    // In the place of this page: going back must not lead to a spent link.
    onSuccess: () => router.history.replace("/"),
    onError: (error) => {
      if (isProblem(error, "second_factor_required")) setIsCodeWanted(true);
      else setProblem(placeProblem(form, error, { bad_second_factor: "secondFactor" }));
    },
  });

  if (isProblem(problem, "link_not_valid")) return <LinkNotValid action={<AskAgain />} />;
  return (
    <IdentityCard title="Sign in">
      <form onSubmit={form.onSubmit((values) => submission.mutate(values))} noValidate>
        <Stack>
          <ProblemAlert error={problem} />
          {isCodeWanted ? (
            <CodeField {...form.getInputProps("secondFactor")}>
              The link is right. Your account is protected by a second step.
            </CodeField>
          ) : (
            <Text>One click, and you are signed in on this device. The link works once.</Text>
          )}
          <Button type="submit" loading={submission.isPending} fullWidth>
            Sign in
          </Button>
        </Stack>
      </form>
    </IdentityCard>
  );
}

function AskAgain() {
  return (
    <Button mt="sm" renderRoot={(props) => <Link to="/sign-in-link" {...props} />}>
      Ask for another link
    </Button>
  );
}

function BackToSignIn() {
  return (
    <Anchor inherit underline="always" renderRoot={(props) => <Link to="/sign-in" {...props} />}>
      Back to sign in
    </Anchor>
  );
}
