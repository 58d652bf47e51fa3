/** One button through the three colour schemes: as the system, light, dark. */
import { type MantineColorScheme, useMantineColorScheme } from "@mantine/core";
import { Icon, type IconName } from "../ui/icons";
import styles from "./Shell.module.css";

const SCHEMES: Record<MantineColorScheme, { label: string; icon: IconName; next: MantineColorScheme }> = {
  auto: { label: "as the system", icon: "auto", next: "light" },
  light: { label: "light", icon: "sun", next: "dark" },
  dark: { label: "dark", icon: "moon", next: "auto" },
};

export function SchemeToggle() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const { label, icon, next } = SCHEMES[colorScheme];
  const words = `Colours: ${label}. Change to ${SCHEMES[next].label}`;
  return (
    <button
      type="button"
      className={styles.headerButton}
      aria-label={words}
      title={words}
      onClick={() => setColorScheme(next)}
    >
      <Icon name={icon} />
    </button>
  );
}
