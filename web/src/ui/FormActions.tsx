/** The end of a form: its submit button, and what else can be done. */
import { Button, Group } from "@mantine/core";
import type { ReactNode } from "react";

interface FormActionsProps {
  submitLabel: string;
  isPending: boolean;
  children?: ReactNode;
}

export function FormActions({ submitLabel, isPending, children }: FormActionsProps) {
  return (
    <Group gap="sm">
      <Button type="submit" loading={isPending}>
        {submitLabel}
      </Button>
      {children}
    </Group>
  );
}
