/** The narrow card in which the sign-in, sign-up and setup forms sit. */
import { Box } from "@mantine/core";
import type { ReactNode } from "react";
import { PageHeader } from "../../ui/PageHeader";
import { Surface } from "../../ui/Surface";

interface IdentityCardProps {
  title: string;
  description?: ReactNode;
  children: ReactNode;
}

export function IdentityCard({ title, description, children }: IdentityCardProps) {
  return (
    <Box maw={440} mx="auto" pt={{ base: 0, sm: "lg" }}>
      <PageHeader title={title} description={description} />
      <Surface>{children}</Surface>
    </Box>
  );
}
