/** Whether somebody may do something, by which role, and which role would let them. */
import {
  Alert,
  Badge,
  Button,
  Code,
  Loader,
  Select,
  SimpleGrid,
  Stack,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { customersQuery } from "../../api/customers";
import { permissionsQuery } from "../../api/roles";
import type { PermissionExplanation, User } from "../../api/types";
import { PageHeader } from "../../ui/PageHeader";
import { ProblemAlert } from "../../ui/ProblemAlert";
import { Surface } from "../../ui/Surface";
import { explanationQuery, type PermissionQuestion } from "./audit";
import styles from "./audit.module.css";
import { nameOf } from "./words";

const route = getRouteApi("/_signedIn/admin/audit/permission");

export function PermissionPage() {
  const question = route.useSearch();
  const isAsked = question.user !== undefined && question.permission !== undefined;
  return (
    <>
      <PageHeader
        title="Check a permission"
        description="Why somebody may do something, or may not, as far as their roles decide it."
      />
      <Stack gap="lg">
        <QuestionForm key={JSON.stringify(question)} question={question} />
        {isAsked && <Answer question={question} />}
      </Stack>
    </>
  );
}

function QuestionForm({ question }: { question: PermissionQuestion }) {
  const navigate = route.useNavigate();
  const { data: permissions } = useSuspenseQuery(permissionsQuery);
  const { data: customers } = useSuspenseQuery(customersQuery);
  const [permission, setPermission] = useState(question.permission ?? null);
  const [customerId, setCustomerId] = useState(question.customerId ?? null);
  const [missing, setMissing] = useState({ user: false, permission: false });

  const ask = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const user = String(new FormData(event.currentTarget).get("user") ?? "").trim();
    setMissing({ user: user === "", permission: permission === null });
    if (user === "" || permission === null) return;
    navigate({ search: { user, permission, customerId: customerId ?? undefined } });
  };

  return (
    <Surface>
      <form onSubmit={ask} noValidate>
        <Stack maw={760}>
          <SimpleGrid cols={{ base: 1, sm: 3 }}>
            <TextInput
              name="user"
              label="Who"
              placeholder="Email address"
              defaultValue={question.user}
              error={missing.user && "Enter an email address."}
            />
            <Select
              label="Permission"
              placeholder="Choose one"
              data={permissions.items.map(({ name }) => name)}
              value={permission}
              onChange={setPermission}
              error={missing.permission && "Choose a permission."}
              searchable
            />
            <Select
              label="Where"
              placeholder="Everywhere"
              data={customers.map(({ id, name }) => ({ value: id, label: name }))}
              value={customerId}
              onChange={setCustomerId}
              clearable
              searchable
              limit={50}
              clearButtonProps={{ "aria-label": "Everywhere" }}
            />
          </SimpleGrid>
          <div>
            <Button type="submit">Check</Button>
          </div>
        </Stack>
      </form>
    </Surface>
  );
}

function Answer({ question }: { question: PermissionQuestion }) {
  const { data, error, isPending, refetch } = useQuery(explanationQuery(question));
  if (isPending) return <Loader aria-label="Looking it up" />;
  if (error) return <ProblemAlert error={error} onRetry={() => void refetch()} />;
  if (data.user === null || data.explanation === null) {
    return (
      <Alert color="yellow" title="Nobody has this address" role="status">
        Check the spelling, or look for the account under Users.
      </Alert>
    );
  }
  return <Explanation user={data.user} explanation={data.explanation} />;
}

function Explanation({ user, explanation }: { user: User; explanation: PermissionExplanation }) {
  const where = useWhere();
  const { permission, customerId, isPermitted, isPermittedForOwn, isActive } = explanation;
  return (
    <Surface>
      <Stack>
        <div role="status">
          <Title order={2}>
            {nameOf(user)} {isPermitted ? "may" : "may not"}
          </Title>
        </div>
        <Text>
          <Badge variant="light" color={isPermitted ? "green" : "red"} tt="none" mr={8}>
            {isPermitted ? "Permitted" : "Not permitted"}
          </Badge>
          <Code>{permission}</Code> {where(customerId)}
          {!isPermitted && isPermittedForOwn && ", but they may for what is their own"}.
        </Text>
        {!isActive && <Text>The account is deactivated: it may do nothing, whatever its roles permit.</Text>}
        <Sources explanation={explanation} />
        <Remedies user={user} explanation={explanation} />
        <Text size="sm" c="dimmed" maw="70ch">
          A service may have rules of its own beside the roles. Where one of those forbade something, the
          entry in the audit log names it.
        </Text>
      </Stack>
    </Surface>
  );
}

const REACHES: Record<PermissionExplanation["sources"][number]["reach"], string> = {
  everywhere: "reaches everything",
  customer: "reaches what belongs to that customer",
  own: "reaches what is their own",
  nothing: "reaches nothing, as the role is held in the wrong place",
};

function Sources({ explanation: { sources } }: { explanation: PermissionExplanation }) {
  const where = useWhere();
  if (sources.length === 0) return <Text>None of their roles lists it.</Text>;
  return (
    <div>
      <Title order={3} mb={6}>
        Roles that list it
      </Title>
      <ul className={styles.list}>
        {sources.map(({ role, customerId, listed, reach, isEnough }) => (
          <li key={`${role} ${customerId} ${listed}`}>
            <strong>{role}</strong>, held {where(customerId)}: <Code>{listed}</Code> {REACHES[reach]}
            {isEnough ? ". That is enough." : "."}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Remedies({ user, explanation: { remedies } }: { user: User; explanation: PermissionExplanation }) {
  const where = useWhere();
  if (remedies.length === 0) return null;
  return (
    <div>
      <Title order={3} mb={6}>
        What would permit it
      </Title>
      <ul className={styles.list}>
        {remedies.map(({ role, customerId }) => (
          <li key={role}>
            <strong>{role}</strong>, given {where(customerId)}
          </li>
        ))}
      </ul>
      <Button
        mt="sm"
        variant="default"
        renderRoot={(props) => <Link to="/admin/users/$userId" params={{ userId: user.id }} {...props} />}
      >
        Go to their roles
      </Button>
    </div>
  );
}

function useWhere() {
  const { data: customers } = useSuspenseQuery(customersQuery);
  return (id: string | null) =>
    id === null ? "everywhere" : `in ${customers.find((customer) => customer.id === id)?.name ?? id}`;
}
