/** A raised card: the box that forms, lists and figures sit in. */
import { Paper, type PaperProps } from "@mantine/core";
import type { ReactNode } from "react";

export function Surface({ children, ...props }: PaperProps & { children: ReactNode }) {
  return (
    <Paper
      p={{ base: "md", sm: "lg" }}
      bg="var(--app-surface)"
      bd="1px solid var(--app-line)"
      radius="lg"
      {...props}
    >
      {children}
    </Paper>
  );
}
