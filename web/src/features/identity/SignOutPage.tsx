/** Ends the session and says so. */
import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect } from "react";
import { EmptyState } from "../../ui/EmptyState";
import { useDocumentTitle } from "../../ui/PageHeader";
import { ProblemAlert } from "../../ui/ProblemAlert";
import { signOut } from "./queries";

export function SignOutPage() {
  useDocumentTitle("Signed out");
  const { mutate, isSuccess, error } = useMutation({ mutationFn: signOut });
  useEffect(() => mutate(), [mutate]);

  if (error) return <ProblemAlert error={error} onRetry={() => mutate()} />;
  if (!isSuccess) return null;
  return (
    <EmptyState
      icon="leave"
      title="You are signed out"
      level={1}
      action={
        <Button mt="sm" renderRoot={(props) => <Link to="/sign-in" {...props} />}>
          Sign in again
        </Button>
      }
    >
      On a shared computer, close the window as well.
    </EmptyState>
  );
}
