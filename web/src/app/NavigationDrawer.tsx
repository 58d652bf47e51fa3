/** The navigation on a phone. */
import { Drawer } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useEffect } from "react";
import type { Me } from "../api/types";
import { Navigation } from "./Navigation";

export default function NavigationDrawer({ opening, me }: { opening: number; me: Me | null }) {
  const [isOpen, { open, close }] = useDisclosure(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each rise of `opening` opens it again
  useEffect(open, [opening]);
  return (
    <Drawer
      opened={isOpen}
      onClose={close}
      title="Backline"
      size={300}
      closeButtonProps={{ "aria-label": "Close the menu" }}
    >
      <Navigation me={me} onFollow={close} />
    </Drawer>
  );
}
