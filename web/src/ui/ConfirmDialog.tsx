/**
 * Asks before something that cannot be taken back. Says in its button what will happen, shows the
 * problem when it fails and closes when it is done.
 */
import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { ProblemAlert } from "./ProblemAlert";

interface ConfirmDialogProps {
  isOpen: boolean;
  onClose: () => void;
  title: string;
  children: ReactNode;
  /** The verb of the button: "End session". */
  confirmLabel: string;
  onConfirm: () => Promise<unknown>;
  isDangerous?: boolean;
}

export function ConfirmDialog({
  isOpen,
  onClose,
  title,
  children,
  confirmLabel,
  onConfirm,
  isDangerous = true,
}: ConfirmDialogProps) {
  const confirmation = useMutation({ mutationFn: onConfirm, onSuccess: onClose });
  const close = () => {
    confirmation.reset();
    onClose();
  };

  return (
    <Modal opened={isOpen} onClose={close} title={title} closeButtonProps={{ "aria-label": "Close" }}>
      <Stack>
        <Text component="div">{children}</Text>
        <ProblemAlert error={confirmation.error} />
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={close}>
            Go back
          </Button>
          <Button
            color={isDangerous ? "red" : undefined}
            loading={confirmation.isPending}
            onClick={() => confirmation.mutate()}
          >
            {confirmLabel}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
