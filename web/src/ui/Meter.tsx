/** How much of something is used up: the words, and a bar that shows the same. */
import { Box, Text } from "@mantine/core";
import type { ReactNode } from "react";
import styles from "./Meter.module.css";

interface MeterProps {
  value: number;
  max: number;
  /** Says the figures; the bar itself is only drawn. */
  children: ReactNode;
}

export function Meter({ value, max, children }: MeterProps) {
  const share = max === 0 ? 0 : Math.min(1, Math.max(0, value / max));
  return (
    <Box className={styles.meter}>
      <Text size="sm" component="span">
        {children}
      </Text>
      <span className={styles.track} aria-hidden="true">
        <span className={styles.fill} style={{ width: `${share * 100}%` }} />
      </span>
    </Box>
  );
}
