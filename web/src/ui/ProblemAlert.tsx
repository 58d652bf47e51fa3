/**
 * A failure in plain words: what happened, what to do, and the reference id to pass on to whoever
 * runs the server. Takes anything that was thrown.
 */
import { Alert, Button, CopyButton, Group, Stack, Text } from "@mantine/core";
import { isProblem, type ProblemError } from "../api/problem";
import { formatWait } from "./format";
import { Icon } from "./icons";

interface ProblemAlertProps {
  /** Nothing is shown for null or undefined, so a mutation's `error` can be passed as it is. */
  error: unknown;
  /** Words of the page for codes it knows, by `code`. */
  messages?: Record<string, string>;
  onRetry?: () => void;
}

export function ProblemAlert({ error, messages, onRetry }: ProblemAlertProps) {
  if (error === null || error === undefined) return null;
  const problem = isProblem(error) ? error : null;
  const ownWords = problem && messages?.[problem.code];

  return (
    <Alert
      color="red"
      icon={<Icon name="warning" />}
      title={ownWords ?? problem?.title ?? "Something went wrong"}
      role="alert"
    >
      <Stack gap="xs" align="flex-start">
        {!ownWords && <Text size="sm">{adviceFor(problem)}</Text>}
        {onRetry && (
          <Button size="xs" variant="default" onClick={onRetry}>
            Try again
          </Button>
        )}
        {problem?.traceId && <Reference id={problem.traceId} />}
      </Stack>
    </Alert>
  );
}

function Reference({ id }: { id: string }) {
  return (
    <Group gap="xs">
      <Text size="xs">
        Reference <code>{id}</code>
      </Text>
      <CopyButton value={id}>
        {({ copied, copy }) => (
          <Button size="compact-xs" variant="default" onClick={copy}>
            {copied ? "Copied" : "Copy"}
          </Button>
        )}
      </CopyButton>
    </Group>
  );
}

function adviceFor(problem: ProblemError | null): string {
  if (problem === null) return "Reload the page. If it happens again, tell the person who runs this site.";
  if (problem.status === 429 && problem.retryAfterSeconds !== undefined) {
    return `Too many tries in a short time. Wait ${formatWait(problem.retryAfterSeconds)} and try again.`;
  }
  if (problem.detail) return problem.detail;
  if (problem.status === 403) return "Your account has no right to do this. An administrator can give it.";
  if (problem.status === 404) return "It may have been removed, or the link may be wrong.";
  if (problem.status === 409) return "Someone changed this in the meantime. Reload and try again.";
  if (problem.status === 429) return "Too many tries in a short time. Wait a little and try again.";
  return "Try again in a moment. If it keeps happening, pass on the reference below.";
}
