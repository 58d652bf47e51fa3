/**
 * Confirms the address to which a letter with a link to this page was sent. Opening the page confirms
 * nothing: programs that look for viruses open the links of letters as well.
 */
import { Button, Stack, Text } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { isProblem } from "../../api/problem";
import { EmptyState } from "../../ui/EmptyState";
import { useDocumentTitle } from "../../ui/PageHeader";
import { ProblemAlert } from "../../ui/ProblemAlert";
import { IdentityCard } from "./IdentityCard";
import { LinkNotValid } from "./LinkNotValid";
import { verifyEmail } from "./queries";

const route = getRouteApi("/verify-email");

export function VerifyEmailPage() {
  const { token } = route.useSearch();
  const queryClient = useQueryClient();
  const confirmation = useMutation({ mutationFn: (link: string) => verifyEmail(queryClient, link) });

  if (token === undefined || isProblem(confirmation.error, "link_not_valid")) {
    return <LinkNotValid action={<ToAccount label="Ask for another letter" />} />;
  }
  if (confirmation.isSuccess) return <Confirmed />;
  return (
    <IdentityCard title="Confirm your email">
      <Stack>
        <Text>One click shows that the address is yours, and that letters about your tickets reach you.</Text>
        <ProblemAlert error={confirmation.error} />
        <Button loading={confirmation.isPending} onClick={() => confirmation.mutate(token)} fullWidth>
          Confirm the address
        </Button>
      </Stack>
    </IdentityCard>
  );
}

function Confirmed() {
  useDocumentTitle("Email confirmed");
  return (
    <div role="status">
      <EmptyState
        icon="check"
        title="Your email is confirmed"
        level={1}
        action={<ToAccount label="Go to your account" />}
      >
        You can close this page.
      </EmptyState>
    </div>
  );
}

/** The account page asks visitors to sign in first. */
function ToAccount({ label }: { label: string }) {
  return (
    <Button mt="sm" renderRoot={(props) => <Link to="/account" {...props} />}>
      {label}
    </Button>
  );
}
