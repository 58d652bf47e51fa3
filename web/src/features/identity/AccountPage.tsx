/** One's own account: the name others see, how it is protected, and who and what is signed in to it. */
import { Button, Group, SimpleGrid, Stack, Text, TextInput, Title } from "@mantine/core";
import { schemaResolver, useForm } from "@mantine/form";
import { useMutation, useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { useState } from "react";
import * as z from "zod/mini";
import { meQuery } from "../../api/me";
import type { User } from "../../api/types";
import { firstName, lastName } from "../../ui/fields";
import { placeProblem } from "../../ui/formProblem";
import { PageHeader } from "../../ui/PageHeader";
import { ProblemAlert } from "../../ui/ProblemAlert";
import { SessionList } from "../../ui/SessionList";
import { Surface } from "../../ui/Surface";
import { PasskeyList } from "./PasskeyList";
import { ProgramList } from "./ProgramList";
import { saveName } from "./queries";
import { SecuritySection } from "./SecuritySection";

export function AccountPage() {
  const { data: me } = useSuspenseQuery(meQuery);
  if (me === null) return null;
  return (
    <>
      <PageHeader title="Account" description={me.email} />
      <Stack gap="lg">
        <NameForm key={me.id} me={me} />
        <SecuritySection me={me} />
        <PasskeyList />
        <SessionList
          title="Where you are signed in"
          description="End any session you do not recognise."
          endAllLabel="Sign out everywhere else"
        />
        <ProgramList />
      </Stack>
    </>
  );
}

const schema = z.object({ firstName, lastName });

function NameForm({ me }: { me: User }) {
  const queryClient = useQueryClient();
  const [problem, setProblem] = useState<unknown>(null);
  const form = useForm({
    initialValues: { firstName: me.firstName, lastName: me.lastName },
    validate: schemaResolver(schema, { sync: true }),
  });
  const saving = useMutation({
    mutationFn: (name: typeof form.values) => saveName(me.id, name),
    onMutate: () => setProblem(null),
    onSuccess: (user) => {
      queryClient.setQueryData(meQuery.queryKey, (before) => before && { ...before, ...user });
      form.resetDirty();
    },
    onError: (error) => setProblem(placeProblem(form, error)),
  });
  const isSaved = saving.isSuccess && !form.isDirty();

  return (
    <Surface>
      <form onSubmit={form.onSubmit((name) => saving.mutate(name))} noValidate>
        <Stack maw={560}>
          <Title order={2}>Your name</Title>
          <ProblemAlert error={problem} />
          <SimpleGrid cols={{ base: 1, xs: 2 }}>
            <TextInput label="First name" autoComplete="given-name" {...form.getInputProps("firstName")} />
            <TextInput label="Last name" autoComplete="family-name" {...form.getInputProps("lastName")} />
          </SimpleGrid>
          <Group>
            <Button type="submit" loading={saving.isPending}>
              Save
            </Button>
            <Text role="status" size="sm" c="dimmed">
              {isSaved && "Saved"}
            </Text>
          </Group>
        </Stack>
      </form>
    </Surface>
  );
}
