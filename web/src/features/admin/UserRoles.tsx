/** The roles somebody holds, each everywhere or in one customer: giving and taking them. */
import { Button, Group, Select, Stack, Text, Title } from "@mantine/core";
import { useMutation, useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { useState } from "react";
import { customersQuery } from "../../api/customers";
import { rolesQuery } from "../../api/roles";
import type { HeldRole, User } from "../../api/types";
import { giveRole, keyOfHeldRole, takeRole } from "../../api/users";
import { ConfirmDialog } from "../../ui/ConfirmDialog";
import { ProblemAlert } from "../../ui/ProblemAlert";
import { Surface } from "../../ui/Surface";
import styles from "./admin.module.css";
import { nameOf } from "./words";

export function UserRoles({ user }: { user: User }) {
  const { data: customers } = useSuspenseQuery(customersQuery);
  const { data: roles } = useSuspenseQuery(rolesQuery);
  const [taking, setTaking] = useState<HeldRole | null>(null);
  const queryClient = useQueryClient();
  const whereOf = ({ customerId }: HeldRole) =>
    customerId === null
      ? "Everywhere"
      : `In ${customers.find(({ id }) => id === customerId)?.name ?? "a customer"}`;

  const take = async () => {
    if (taking === null) return;
    await takeRole(user.id, taking);
    await queryClient.invalidateQueries();
  };

  return (
    <Surface>
      <Stack>
        <Title order={2}>Roles</Title>
        {user.roles.length === 0 && <Text c="dimmed">None, so this account may do nothing.</Text>}
        <ul className={styles.held}>
          {user.roles.map((held) => (
            <li key={keyOfHeldRole(held)}>
              <div>
                <Text fw={600}>{held.role}</Text>
                <Text size="sm" c="dimmed">
                  {whereOf(held)}. {roles.find(({ name }) => name === held.role)?.description}
                </Text>
              </div>
              <Button
                size="compact-sm"
                variant="default"
                aria-label={`Take ${held.role} (${whereOf(held)})`}
                onClick={() => setTaking(held)}
              >
                Take
              </Button>
            </li>
          ))}
        </ul>
        <GiveRoleForm user={user} />
      </Stack>
      <ConfirmDialog
        isOpen={taking !== null}
        onClose={() => setTaking(null)}
        title="Take this role?"
        confirmLabel="Take the role"
        onConfirm={take}
      >
        {nameOf(user)} loses {taking?.role} within a second, also where they are signed in now.
      </ConfirmDialog>
    </Surface>
  );
}

function GiveRoleForm({ user }: { user: User }) {
  const { data: customers } = useSuspenseQuery(customersQuery);
  const { data: roles } = useSuspenseQuery(rolesQuery);
  const [role, setRole] = useState<string | null>(null);
  const [customerId, setCustomerId] = useState<string | null>(user.customerId);
  const queryClient = useQueryClient();
  const giving = useMutation({
    mutationFn: (held: HeldRole) => giveRole(user.id, held),
    onSuccess: async () => {
      setRole(null);
      await queryClient.invalidateQueries();
    },
  });

  return (
    <Stack gap="sm">
      <ProblemAlert error={giving.error} />
      <Group gap="sm" align="flex-end">
        <Select
          label="Give a role"
          placeholder="Choose a role"
          data={roles.map(({ name }) => name)}
          value={role}
          onChange={setRole}
          searchable
          style={{ flex: "1 1 200px" }}
        />
        <Select
          label="Where"
          placeholder="Everywhere"
          data={customers.map(({ id, name }) => ({ value: id, label: name }))}
          value={customerId}
          onChange={setCustomerId}
          searchable
          clearable
          limit={50}
          clearButtonProps={{ "aria-label": "Everywhere" }}
          style={{ flex: "1 1 200px" }}
        />
        <Button
          variant="default"
          disabled={role === null}
          loading={giving.isPending}
          onClick={() => role !== null && giving.mutate({ role, customerId })}
        >
          Give
        </Button>
      </Group>
    </Stack>
  );
}
