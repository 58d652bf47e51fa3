/** The top of a page: its one h1, a sentence under it, and its actions at the right. */
import { Group, Stack, Text, Title } from "@mantine/core";
import { type ReactNode, useEffect } from "react";

interface PageHeaderProps {
  title: string;
  description?: ReactNode;
  /** Buttons; the primary one last. */
  actions?: ReactNode;
}

export function PageHeader({ title, description, actions }: PageHeaderProps) {
  useDocumentTitle(title);
  return (
    <Group justify="space-between" align="flex-end" gap="md" mb="lg">
      <Stack gap={4} maw="65ch">
        <Title order={1}>{title}</Title>
        {description && <Text c="dimmed">{description}</Text>}
      </Stack>
      {actions && <Group gap="sm">{actions}</Group>}
    </Group>
  );
}

/** Names the browser tab; the shell announces it to screen readers after navigation. */
export function useDocumentTitle(title: string) {
  useEffect(() => {
    document.title = `${title} · Backline`;
  }, [title]);
}
