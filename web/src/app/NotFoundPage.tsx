/** The page for an address that leads nowhere. */
import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { EmptyState } from "../ui/EmptyState";
import { useDocumentTitle } from "../ui/PageHeader";

export function NotFoundPage() {
  useDocumentTitle("Not found");
  return (
    <EmptyState
      icon="search"
      title="There is nothing here"
      level={1}
      action={
        <Button mt="sm" renderRoot={(props) => <Link to="/" {...props} />}>
          Go to the events
        </Button>
      }
    >
      The link may be old, or the page may have been removed. If it is yours, sign in first.
    </EmptyState>
  );
}
