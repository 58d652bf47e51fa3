/** The people of a customer: who they are, what they may do there, and making accounts for more. */
import {
  Badge,
  Button,
  Group,
  Modal,
  PasswordInput,
  SimpleGrid,
  Stack,
  Text,
  TextInput,
} from "@mantine/core";
import { schemaResolver, useForm } from "@mantine/form";
import { useMutation, useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import * as z from "zod/mini";
import { meQuery } from "../../api/me";
import { usePages } from "../../api/paging";
import type { Customer, Me, User } from "../../api/types";
import { createUser, giveRole, takeRole, usersQuery } from "../../api/users";
import { type Column, DataTable } from "../../ui/DataTable";
import { EmptyState } from "../../ui/EmptyState";
import { email, firstName, lastName, newPassword, PASSWORD_ADVICE } from "../../ui/fields";
import { placeProblem } from "../../ui/formProblem";
import { Icon } from "../../ui/icons";
import { PageHeader } from "../../ui/PageHeader";
import { ProblemAlert } from "../../ui/ProblemAlert";
import { Surface } from "../../ui/Surface";
import { Toggles, toggled } from "../../ui/Toggles";
import { CustomerSwitcher } from "./CustomerSwitcher";
import { chosenCustomer, SEES_PEOPLE, seesAllCustomers, useCustomers } from "./customers";
import styles from "./people.module.css";

const route = getRouteApi("/_signedIn/organiser/people");

interface GivableRole {
  role: string;
  label: string;
  means: string;
}

const GIVABLE: Record<Customer["customerType"], GivableRole[]> = {
  organiser: [
    { role: "organiser-member", label: "Member", means: "sees events, changes nothing" },
    { role: "door", label: "Door", means: "checks tickets in" },
    { role: "organiser-admin", label: "Administrator", means: "plans events, sells, manages people" },
  ],
  crewCompany: [
    { role: "crew-member", label: "Crew", means: "keeps the own availability, answers bookings" },
    { role: "crew-admin", label: "Administrator", means: "manages the crew and its bookings" },
  ],
};

export function PeoplePage() {
  const { data: me } = useSuspenseQuery(meQuery);
  const search = route.useSearch();
  const navigate = route.useNavigate();
  if (me === null) return null;

  const customerId = chosenCustomer(me, search, SEES_PEOPLE);
  if (customerId === null && !seesAllCustomers(me)) return <NotYours />;
  const switcher = (
    <CustomerSwitcher
      me={me}
      permissions={SEES_PEOPLE}
      value={customerId}
      onChange={(customer) => navigate({ search: { customer } })}
    />
  );
  if (customerId === null) {
    return (
      <>
        <PageHeader title="People" description="Choose the customer whose people you want to see." />
        {switcher}
      </>
    );
  }
  return <People key={customerId} me={me} customerId={customerId} switcher={switcher} />;
}

interface PeopleProps {
  me: Me;
  customerId: string;
  switcher: ReactNode;
}

function People({ me, customerId, switcher }: PeopleProps) {
  const [customer] = useCustomers([customerId]);
  const [isInviting, setIsInviting] = useState(false);
  const { items, onMore, isLoadingMore } = usePages(usersQuery({ customerId }));
  const roles = GIVABLE[customer?.customerType ?? "organiser"];

  const columns: Column<User>[] = [
    {
      key: "person",
      header: "Person",
      isTitle: true,
      cell: (user) => (
        <div>
          <Text fw={600}>
            {user.firstName} {user.lastName}
            {user.id === me.id && " (you)"}
          </Text>
          <Text size="sm" c="dimmed">
            {user.email}
          </Text>
          {!user.isActive && (
            <Badge variant="light" color="red" tt="none">
              Deactivated
            </Badge>
          )}
        </div>
      ),
    },
    {
      key: "roles",
      header: "May",
      cell: (user) => (
        <RoleToggles user={user} customerId={customerId} roles={roles} isMe={user.id === me.id} />
      ),
    },
  ];

  return (
    <>
      <PageHeader
        title="People"
        description={`Those who work for ${customer?.name}, and what each of them may do there.`}
        actions={
          <Button leftSection={<Icon name="plus" size={18} />} onClick={() => setIsInviting(true)}>
            Make an account
          </Button>
        }
      />
      <Stack gap="md">
        {switcher}
        <Surface>
          <DataTable
            caption={`People of ${customer?.name}`}
            columns={columns}
            rows={items}
            rowKey={({ id }) => id}
            onMore={onMore}
            isLoadingMore={isLoadingMore}
            empty={
              <EmptyState icon="people" title="Nobody yet">
                Make an account for each person who works with you.
              </EmptyState>
            }
          />
        </Surface>
        <dl className={styles.legend}>
          {roles.map(({ role, label, means }) => (
            <div key={role}>
              <dt>{label}</dt>
              <dd>{means}</dd>
            </div>
          ))}
        </dl>
      </Stack>
      <InviteDialog
        isOpen={isInviting}
        onClose={() => setIsInviting(false)}
        customerId={customerId}
        roles={roles}
      />
    </>
  );
}

interface RoleTogglesProps {
  user: User;
  customerId: string;
  roles: GivableRole[];
  isMe: boolean;
}

function RoleToggles({ user, customerId, roles, isMe }: RoleTogglesProps) {
  const queryClient = useQueryClient();
  const [wanted, setWanted] = useState<{ role: string; isHeld: boolean } | null>(null);
  const change = useMutation({
    mutationFn: ({ role, isHeld }: { role: string; isHeld: boolean }) =>
      isHeld ? takeRole(user.id, { role, customerId }) : giveRole(user.id, { role, customerId }),
    onSettled: async () => {
      await queryClient.invalidateQueries();
      setWanted(null);
    },
  });
  const isStored = (role: string) =>
    user.roles.some((held) => held.role === role && held.customerId === customerId);
  // Shown at once; when the server refuses, it falls back and the alert says why.
  const holds = (role: string) => (wanted?.role === role ? wanted.isHeld : isStored(role));
  const toggle = (role: string) => {
    setWanted({ role, isHeld: !isStored(role) });
    change.mutate({ role, isHeld: isStored(role) });
  };

  return (
    <Stack gap={6}>
      <Toggles
        label={`What ${user.firstName} ${user.lastName} may do`}
        isLabelHidden
        options={roles.map(({ role, label }) => ({
          value: role,
          label,
          // One cannot lock oneself out of one's own customer by a slip.
          isDisabled: wanted !== null || (isMe && holds(role) && role.endsWith("-admin")),
        }))}
        chosen={roles.map(({ role }) => role).filter(holds)}
        onToggle={toggle}
      />
      <ProblemAlert error={change.error} />
    </Stack>
  );
}

const schema = z.object({ firstName, lastName, email, password: newPassword });

interface InviteDialogProps {
  isOpen: boolean;
  onClose: () => void;
  customerId: string;
  roles: GivableRole[];
}

function InviteDialog({ isOpen, onClose, customerId, roles }: InviteDialogProps) {
  const queryClient = useQueryClient();
  const [problem, setProblem] = useState<unknown>(null);
  const form = useForm({
    initialValues: { firstName: "", lastName: "", email: "", password: "", roles: [] as string[] },
    validate: schemaResolver(schema, { sync: true }),
  });
  const close = () => {
    form.reset();
    setProblem(null);
    onClose();
  };
  const invitation = useMutation({
    mutationFn: async ({ roles: wanted, ...account }: typeof form.values) => {
      const user = await createUser({ ...account, customerId });
      for (const role of wanted) await giveRole(user.id, { role, customerId });
    },
    onMutate: () => setProblem(null),
    onSuccess: close,
    onError: (error) => setProblem(placeProblem(form, error, { email_taken: "email" })),
    onSettled: () => queryClient.invalidateQueries(),
  });

  return (
    <Modal
      opened={isOpen}
      onClose={close}
      title="Make an account"
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <form onSubmit={form.onSubmit((values) => invitation.mutate(values))} noValidate>
        <Stack>
          <Text size="sm" c="dimmed">
            Choose a first password and tell it to the person, who signs in with it and their email.
          </Text>
          <ProblemAlert error={problem} />
          <SimpleGrid cols={{ base: 1, xs: 2 }}>
            <TextInput label="First name" autoComplete="off" {...form.getInputProps("firstName")} />
            <TextInput label="Last name" autoComplete="off" {...form.getInputProps("lastName")} />
          </SimpleGrid>
          <TextInput label="Email" type="email" autoComplete="off" {...form.getInputProps("email")} />
          <PasswordInput
            label="First password"
            description={PASSWORD_ADVICE}
            autoComplete="new-password"
            {...form.getInputProps("password")}
          />
          <Toggles
            label="May"
            options={roles.map(({ role, label }) => ({ value: role, label }))}
            chosen={form.values.roles}
            onToggle={(role) => form.setFieldValue("roles", toggled(form.values.roles, role))}
          />
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={close}>
              Go back
            </Button>
            <Button type="submit" loading={invitation.isPending}>
              Make the account
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}

function NotYours() {
  return (
    <EmptyState icon="people" title="People are managed by administrators" level={1}>
      You are not an administrator of an organiser or crew company. Found one, or ask one of its
      administrators.
    </EmptyState>
  );
}
