/** What a program signs in with, to be copied; the secret is shown this once. */
import { Alert, Button, CopyButton, Group, Stack, Text } from "@mantine/core";
import { Icon } from "../../ui/icons";
import styles from "./admin.module.css";

interface ProgramSecretProps {
  clientId: string;
  secret?: string;
}

export function ProgramSecret({ clientId, secret }: ProgramSecretProps) {
  return (
    <Stack gap="md">
      {secret && (
        <Alert color="yellow" icon={<Icon name="warning" />} role="status">
          <Text c="var(--mantine-color-text)">
            Copy the secret now and keep it where only the program reads it. It is not shown again.
          </Text>
        </Alert>
      )}
      <Copied label="Client ID" value={clientId} />
      {secret && <Copied label="Client secret" value={secret} />}
    </Stack>
  );
}

function Copied({ label, value }: { label: string; value: string }) {
  return (
    <div>
      <Text size="sm" fw={600}>
        {label}
      </Text>
      <Group gap="sm">
        <code className={styles.secret}>{value}</code>
        <CopyButton value={value}>
          {({ copied, copy }) => (
            <Button
              size="compact-sm"
              variant="default"
              aria-label={`Copy the ${label.toLowerCase()}`}
              onClick={copy}
            >
              {copied ? "Copied" : "Copy"}
            </Button>
          )}
        </CopyButton>
      </Group>
    </div>
  );
}
