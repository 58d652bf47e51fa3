/** Somebody else changed what is being edited; nothing of ours was saved. */
import { Alert, Button, Stack, Text } from "@mantine/core";
import { Icon } from "./icons";

export function StaleAlert({ onReload }: { onReload: () => void }) {
  return (
    <Alert color="amber" icon={<Icon name="warning" />} title="Somebody else was faster" role="alert">
      <Stack gap="xs" align="flex-start">
        <Text size="sm">
          This was changed after you opened it, so your changes have not been saved. Load what is stored now
          and make them again; copy first what you do not want to type twice.
        </Text>
        <Button size="xs" variant="default" onClick={onReload}>
          Load what is stored now
        </Button>
      </Stack>
    </Alert>
  );
}
