/** The menu behind the initials of the person who is signed in. */
import { Menu } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { Me } from "../api/types";
import { Icon } from "../ui/icons";
import styles from "./Shell.module.css";

export default function UserMenu({ me, onShortcuts }: { me: Me; onShortcuts: () => void }) {
  const initials = `${me.firstName.charAt(0)}${me.lastName.charAt(0)}`.toUpperCase();
  return (
    <Menu position="bottom-end" width={240} withInitialFocusPlaceholder={false}>
      <Menu.Target>
        <button
          type="button"
          className={styles.headerButton}
          aria-label={`Menu of ${me.firstName} ${me.lastName}`}
        >
          <span className={styles.avatar}>{initials}</span>
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{me.email}</Menu.Label>
        <Menu.Item component={Link} to="/account" leftSection={<Icon name="person" size={18} />}>
          Account
        </Menu.Item>
        <Menu.Item onClick={onShortcuts} leftSection={<Icon name="keyboard" size={18} />} rightSection="?">
          Keyboard shortcuts
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item component={Link} to="/sign-out" leftSection={<Icon name="leave" size={18} />}>
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
