/**
 * Signs a person in, by password or passkey, and takes them to where they were going; asks for the second
 * factor if there is one.
 */
import { Anchor, Button, Divider, PasswordInput, Stack, Text, TextInput } from "@mantine/core";
import { schemaResolver, type UseFormReturnType, useForm } from "@mantine/form";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, useRouter } from "@tanstack/react-router";
import { useState } from "react";
import * as z from "zod/mini";
import { isProblem } from "../../api/problem";
import { email } from "../../ui/fields";
import { placeProblem } from "../../ui/formProblem";
import { ProblemAlert } from "../../ui/ProblemAlert";
import { CodeField } from "./CodeField";
import { IdentityCard } from "./IdentityCard";
import { mayUsePasskeys } from "./passkeys";
import { signIn, signInByPasskey } from "./queries";

const route = getRouteApi("/sign-in");

const credentials = { email, password: z.string().check(z.minLength(1, "Enter your password.")) };
const schema = z.object(credentials);
const schemaWithCode = z.object({
  ...credentials,
  secondFactor: z.string().check(z.trim(), z.minLength(1, "Enter the code.")),
});

const MESSAGES = {
  bad_credentials: "The email and password do not match an account.",
  bad_passkey: "This passkey does not open an account here. Use another way.",
};

type Form = UseFormReturnType<{ email: string; password: string; secondFactor: string }>;

export function SignInPage() {
  const search = route.useSearch();
  const router = useRouter();
  const queryClient = useQueryClient();
  const [isCodeWanted, setIsCodeWanted] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const goOn = () => router.history.push(search.return ?? "/");
  const form: Form = useForm({
    initialValues: { email: "", password: "", secondFactor: "" },
    validate: schemaResolver(isCodeWanted ? schemaWithCode : schema, { sync: true }),
  });
  const submission = useMutation({
    mutationFn: (values: typeof form.values) =>
      signIn(queryClient, { ...values, secondFactor: values.secondFactor.trim() }),
    onMutate: () => setProblem(null),
    onSuccess: goOn,
    onError: (error) => {
      if (isProblem(error, "second_factor_required")) setIsCodeWanted(true);
      else setProblem(placeProblem(form, error, { bad_second_factor: "secondFactor" }));
    },
  });
  const byPasskey = useMutation({
    mutationFn: () => signInByPasskey(queryClient),
    onMutate: () => setProblem(null),
    onSuccess: goOn,
    onError: setProblem,
  });
  const startAgain = () => {
    setIsCodeWanted(false);
    setProblem(null);
    form.reset();
  };

  return (
    <IdentityCard title="Sign in">
      <form onSubmit={form.onSubmit((values) => submission.mutate(values))} noValidate>
        <Stack>
          <ProblemAlert error={problem} messages={MESSAGES} />
          {isCodeWanted ? (
            <CodeField {...form.getInputProps("secondFactor")}>
              The password is right. <strong>{form.values.email}</strong> is protected by a second step.
            </CodeField>
          ) : (
            <CredentialFields form={form} />
          )}
          <Button type="submit" loading={submission.isPending} fullWidth>
            Sign in
          </Button>
          {isCodeWanted ? (
            <Button variant="subtle" size="sm" onClick={startAgain}>
              Use another account
            </Button>
          ) : (
            <>
              <OtherWays isBusy={byPasskey.isPending} onPasskey={() => byPasskey.mutate()} />
              <Text size="sm" ta="center">
                New here?{" "}
                <Anchor
                  inherit
                  underline="always"
                  renderRoot={(props) => <Link to="/sign-up" search={search} {...props} />}
                >
                  Make an account
                </Anchor>
              </Text>
            </>
          )}
        </Stack>
      </form>
    </IdentityCard>
  );
}

function CredentialFields({ form }: { form: Form }) {
  return (
    <>
      <TextInput label="Email" type="email" autoComplete="username" {...form.getInputProps("email")} />
      <PasswordInput label="Password" autoComplete="current-password" {...form.getInputProps("password")} />
      <Text size="sm">
        <Anchor inherit underline="always" renderRoot={(props) => <Link to="/forgot-password" {...props} />}>
          Forgot your password?
        </Anchor>
      </Text>
    </>
  );
}

function OtherWays({ isBusy, onPasskey }: { isBusy: boolean; onPasskey: () => void }) {
  return (
    <>
      <Divider label="or without a password" />
      {mayUsePasskeys() && (
        <Button variant="default" loading={isBusy} onClick={onPasskey} fullWidth>
          Sign in with a passkey
        </Button>
      )}
      <Button variant="default" fullWidth renderRoot={(props) => <Link to="/sign-in-link" {...props} />}>
        Send me a link
      </Button>
    </>
  );
}
