/** The list of keys, opened by `?`. */
import { Group, Kbd, Modal, Stack, Text } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useEffect } from "react";
import { SHORTCUTS } from "./shortcuts";

export default function ShortcutSheet({ opening }: { opening: number }) {
  const [isOpen, { open, close }] = useDisclosure(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each rise of `opening` opens it again
  useEffect(open, [opening]);
  return (
    <Modal
      opened={isOpen}
      onClose={close}
      title="Keyboard shortcuts"
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <Stack gap="sm">
        {SHORTCUTS.map(({ keys, does }) => (
          <Group key={does} justify="space-between">
            <Text>{does}</Text>
            <Group gap={4}>
              {keys.map((key) => (
                <Kbd key={key}>{key}</Kbd>
              ))}
            </Group>
          </Group>
        ))}
      </Stack>
    </Modal>
  );
}
