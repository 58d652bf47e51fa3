/** One account as an administrator sees it: who, in what state, with which rights. */
import { Badge, Button, Group, Select, SimpleGrid, Stack, Text, TextInput, Title } from "@mantine/core";
import { schemaResolver, useForm } from "@mantine/form";
import { useMutation, useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import * as z from "zod/mini";
import { customersQuery } from "../../api/customers";
import { useMe } from "../../api/me";
import type { User } from "../../api/types";
import { deleteUser, updateUser, userQuery } from "../../api/users";
import { isStale, type Versioned } from "../../api/versioned";
import { ConfirmDialog } from "../../ui/ConfirmDialog";
import { firstName, lastName } from "../../ui/fields";
import { formatMoment } from "../../ui/format";
import { placeProblem } from "../../ui/formProblem";
import { PageHeader } from "../../ui/PageHeader";
import { ProblemAlert } from "../../ui/ProblemAlert";
import { SessionList } from "../../ui/SessionList";
import { StaleAlert } from "../../ui/StaleAlert";
import { Surface } from "../../ui/Surface";
import { CrewForm } from "./CrewForm";
import { UserRoles } from "./UserRoles";
import { nameOf, USER_TYPES } from "./words";

const route = getRouteApi("/_signedIn/admin/users/$userId");

export function UserPage() {
  const { userId } = route.useParams();
  const { data: stored } = useSuspenseQuery(userQuery(userId));
  const user = stored.value;

  return (
    <>
      <PageHeader
        title={nameOf(user)}
        description={`${user.email}. Account since ${formatMoment(user.createdAt)}.`}
        actions={
          <>
            <Badge variant="light" color={user.isActive ? "green" : "red"} tt="none" size="lg">
              {user.isActive ? "Active" : "Deactivated"}
            </Badge>
            <Button
              variant="default"
              renderRoot={(props) => <Link to="/admin/audit" search={{ on: user.id }} {...props} />}
            >
              Audit log
            </Button>
            <Button
              variant="default"
              renderRoot={(props) => (
                <Link to="/admin/audit/permission" search={{ user: user.email }} {...props} />
              )}
            >
              Check a permission
            </Button>
          </>
        }
      />
      <Stack gap="lg">
        <ProfileForm stored={stored} />
        <UserRoles user={user} />
        <CrewForm key={JSON.stringify(user.crew)} user={user} />
        <SessionList
          userId={user.id}
          title="Sessions"
          description={`Where ${user.firstName} is signed in, and by what.`}
          endAllLabel="End all sessions"
        />
        <Profile profile={user.profile} />
        <State stored={stored} />
      </Stack>
    </>
  );
}

const schema = z.object({ firstName, lastName });

function ProfileForm({ stored }: { stored: Versioned<User> }) {
  const { data: customers } = useSuspenseQuery(customersQuery);
  const queryClient = useQueryClient();
  const [opened, setOpened] = useState(stored);
  const [problem, setProblem] = useState<unknown>(null);
  const user = opened.value;
  const form = useForm({
    initialValues: valuesOf(user),
    validate: schemaResolver(schema, { sync: true }),
  });
  const saving = useMutation({
    mutationFn: async (values: typeof form.values) => {
      await updateUser(opened, {
        firstName: values.firstName.trim(),
        lastName: values.lastName.trim(),
        userType: Number(values.userType) as User["userType"],
        customerId: values.customerId,
      });
      await queryClient.invalidateQueries();
      await reload();
    },
    onMutate: () => setProblem(null),
    onError: (error) => setProblem(placeProblem(form, error)),
  });
  const fill = (newest: Versioned<User>) => {
    setOpened(newest);
    form.setInitialValues(valuesOf(newest.value));
    form.setValues(valuesOf(newest.value));
  };
  const reload = async () => {
    fill(await queryClient.fetchQuery({ ...userQuery(user.id), staleTime: 0 }));
    setProblem(null);
  };
  // A role given further down is a newer version too; nothing typed here is lost to it.
  if (stored !== opened && stored.version !== opened.version && !form.isDirty()) fill(stored);

  return (
    <Surface>
      <form onSubmit={form.onSubmit((values) => saving.mutate(values))} noValidate>
        <Stack maw={640}>
          <Title order={2}>Account</Title>
          {isStale(problem) ? <StaleAlert onReload={reload} /> : <ProblemAlert error={problem} />}
          <SimpleGrid cols={{ base: 1, xs: 2 }}>
            <TextInput label="First name" autoComplete="off" {...form.getInputProps("firstName")} />
            <TextInput label="Last name" autoComplete="off" {...form.getInputProps("lastName")} />
            <Select
              label="Type"
              data={Object.entries(USER_TYPES).map(([value, label]) => ({ value, label }))}
              allowDeselect={false}
              {...form.getInputProps("userType")}
            />
            <Select
              label="Belongs to"
              placeholder="No customer"
              data={customers.map(({ id, name }) => ({ value: id, label: name }))}
              searchable
              clearable
              limit={50}
              clearButtonProps={{ "aria-label": "No customer" }}
              {...form.getInputProps("customerId")}
            />
          </SimpleGrid>
          <Group>
            <Button type="submit" loading={saving.isPending}>
              Save
            </Button>
            <Text role="status" size="sm" c="dimmed">
              {saving.isSuccess && !form.isDirty() && "Saved"}
            </Text>
          </Group>
        </Stack>
      </form>
    </Surface>
  );
}

function valuesOf(user: User) {
  return {
    firstName: user.firstName,
    lastName: user.lastName,
    userType: String(user.userType),
    customerId: user.customerId,
  };
}

/** The free profile, which other programs write. */
function Profile({ profile }: { profile: User["profile"] }) {
  if (Object.keys(profile).length === 0) return null;
  return (
    <Surface>
      <Title order={2} mb="xs">
        Profile
      </Title>
      <pre style={{ margin: 0, whiteSpace: "pre-wrap" }}>
        <code>{JSON.stringify(profile, null, 2)}</code>
      </pre>
    </Surface>
  );
}

type Question = "activate" | "deactivate" | "delete";

function State({ stored }: { stored: Versioned<User> }) {
  const user = stored.value;
  const isMe = useMe()?.id === user.id;
  const [asking, setAsking] = useState<Question | null>(null);
  const queryClient = useQueryClient();
  const navigate = useNavigate();

  const changeState = async () => {
    try {
      await updateUser(stored, { isActive: asking === "activate" });
    } finally {
      await queryClient.invalidateQueries();
    }
  };
  const remove = async () => {
    await deleteUser(stored);
    await navigate({ to: "/admin/users" });
    queryClient.removeQueries(userQuery(user.id));
    await queryClient.invalidateQueries();
  };

  return (
    <Surface>
      <Stack gap="sm" align="flex-start">
        <Title order={2}>State of the account</Title>
        <Text c="dimmed" size="sm" maw="62ch">
          Somebody deactivated cannot sign in, and is signed out everywhere at once; the account and its
          tickets stay. Deleting takes the account itself away.
        </Text>
        {isMe && <Text size="sm">This is your own account, so another administrator has to do this.</Text>}
        <Group gap="sm">
          <Button
            variant="default"
            disabled={isMe}
            onClick={() => setAsking(user.isActive ? "deactivate" : "activate")}
          >
            {user.isActive ? "Deactivate" : "Activate"}
          </Button>
          <Button color="red" variant="light" disabled={isMe} onClick={() => setAsking("delete")}>
            Delete the account
          </Button>
        </Group>
      </Stack>
      <ConfirmDialog
        isOpen={asking === "deactivate"}
        onClose={() => setAsking(null)}
        title="Deactivate this account?"
        confirmLabel="Deactivate"
        onConfirm={changeState}
      >
        {nameOf(user)} is signed out everywhere and cannot sign in until somebody activates the account.
      </ConfirmDialog>
      <ConfirmDialog
        isOpen={asking === "activate"}
        onClose={() => setAsking(null)}
        title="Activate this account?"
        confirmLabel="Activate"
        isDangerous={false}
        onConfirm={changeState}
      >
        {nameOf(user)} can sign in again, with the roles from before.
      </ConfirmDialog>
      <ConfirmDialog
        isOpen={asking === "delete"}
        onClose={() => setAsking(null)}
        title="Delete this account?"
        confirmLabel="Delete the account"
        onConfirm={remove}
      >
        The account of {nameOf(user)} ({user.email}) and its roles are gone for good.
      </ConfirmDialog>
    </Surface>
  );
}
