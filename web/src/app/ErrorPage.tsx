/** What a page becomes when it cannot be shown: the reason, the reference id, and a way on. */
import { Button, Group, Stack } from "@mantine/core";
import { useQueryErrorResetBoundary } from "@tanstack/react-query";
import { type ErrorComponentProps, Link, useRouter } from "@tanstack/react-router";
import { isProblem } from "../api/problem";
import { PageHeader } from "../ui/PageHeader";
import { ProblemAlert } from "../ui/ProblemAlert";
import { NotFoundPage } from "./NotFoundPage";

export function ErrorPage({ error }: ErrorComponentProps) {
  const router = useRouter();
  const { reset } = useQueryErrorResetBoundary();
  if (isProblem(error) && error.status === 404) return <NotFoundPage />;

  const retry = () => {
    reset();
    router.invalidate();
  };

  return (
    <Stack maw={560} gap="md">
      <PageHeader title="This page could not be shown" />
      <ProblemAlert error={error} />
      <Group>
        <Button onClick={retry}>Try again</Button>
        <Button variant="default" renderRoot={(props) => <Link to="/" {...props} />}>
          Go to the events
        </Button>
      </Group>
    </Stack>
  );
}
