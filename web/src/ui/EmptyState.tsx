/** What a list says when it has nothing: why, and the one thing to do about it. */
import { Stack, Text, ThemeIcon, Title } from "@mantine/core";
import type { ReactNode } from "react";
import { Icon, type IconName } from "./icons";

interface EmptyStateProps {
  icon: IconName;
  title: string;
  children?: ReactNode;
  action?: ReactNode;
  /** 1 when it is the whole page, and its title the page's heading. */
  level?: 1 | 2;
}

export function EmptyState({ icon, title, children, action, level = 2 }: EmptyStateProps) {
  return (
    <Stack align="center" gap="xs" py={56} px="md" ta="center">
      <ThemeIcon size={56} radius="xl" variant="light">
        <Icon name={icon} size={28} />
      </ThemeIcon>
      <Title order={level} mt="xs">
        {title}
      </Title>
      {children && (
        <Text c="dimmed" maw="46ch">
          {children}
        </Text>
      )}
      {action}
    </Stack>
  );
}
