/**
 * Makes the first administrator of a new installation. The server prints the link to this page,
 * with its one-time token, when it starts without any user.
 */
import { Button } from "@mantine/core";
import { useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useRouter } from "@tanstack/react-router";
import { EmptyState } from "../../ui/EmptyState";
import { useDocumentTitle } from "../../ui/PageHeader";
import { IdentityCard } from "./IdentityCard";
import { NewAccountForm } from "./NewAccountForm";
import { setUp, setupQuery } from "./queries";

const route = getRouteApi("/setup");

export function SetupPage() {
  const { token } = route.useSearch();
  const { data: setup } = useSuspenseQuery(setupQuery);
  const router = useRouter();
  const queryClient = useQueryClient();

  if (!setup.isOpen) return <AlreadySetUp />;
  if (token === undefined) return <TokenMissing />;
  return (
    <IdentityCard
      title="Welcome to Backline"
      description="Make the account of the first administrator. It can do everything, so choose a strong password."
    >
      <NewAccountForm
        submitLabel="Finish the setup"
        onSubmit={(account) => setUp(queryClient, account, token)}
        onDone={() => router.history.push("/")}
      />
    </IdentityCard>
  );
}

function AlreadySetUp() {
  useDocumentTitle("Setup");
  return (
    <EmptyState
      icon="check"
      title="Backline is set up"
      level={1}
      action={
        <Button mt="sm" renderRoot={(props) => <Link to="/sign-in" {...props} />}>
          Sign in
        </Button>
      }
    >
      There is an administrator already, so this page has done its work.
    </EmptyState>
  );
}

function TokenMissing() {
  useDocumentTitle("Setup");
  return (
    <EmptyState icon="shield" title="Use the whole link" level={1}>
      The server printed a link with a one-time token when it started. Open that one. Starting the server
      again prints it once more.
    </EmptyState>
  );
}
