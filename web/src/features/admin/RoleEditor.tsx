/** The permissions of a role and how far each reaches; for reading as well as for changing. */
import { Group, Stack, Text, Title } from "@mantine/core";
import type { Permission } from "../../api/types";
import { formatQuantity } from "../../ui/format";
import { Surface } from "../../ui/Surface";
import { Toggles } from "../../ui/Toggles";
import styles from "./admin.module.css";
import { byResource, EVERYTHING, SCOPES, type Scope, scopesOf, withScopeToggled } from "./scopes";

interface RoleEditorProps {
  available: Permission[];
  chosen: string[];
  /** Left out where the role can only be read. */
  onChange?: (permissions: string[]) => void;
}

export function RoleEditor({ available, chosen, onChange }: RoleEditorProps) {
  const shown = onChange ? available : available.filter(({ name }) => scopesOf(chosen, name).length > 0);
  if (chosen.includes(EVERYTHING)) return <Text>Every permission there is, everywhere.</Text>;
  if (shown.length === 0) return <Text c="dimmed">No permissions.</Text>;

  return (
    <Stack gap="md">
      {byResource(shown).map(({ resource, permissions }) => (
        <Surface key={resource}>
          <Group justify="space-between" mb="xs">
            <Title order={3} tt="capitalize">
              {resource}
            </Title>
            <Text size="sm" c="dimmed">
              {formatQuantity(
                permissions.filter(({ name }) => scopesOf(chosen, name).length > 0).length,
                "permission",
              )}
            </Text>
          </Group>
          {permissions.map(({ name, description }) => (
            <div key={name} className={styles.permission}>
              <div>
                <code>{name}</code>
                <Text size="sm" c="dimmed">
                  {description}
                </Text>
              </div>
              {onChange ? (
                <Toggles
                  label={`${name}, how far it reaches`}
                  isLabelHidden
                  options={SCOPES.map(({ scope, label }) => ({ value: scope, label }))}
                  chosen={scopesOf(chosen, name)}
                  onToggle={(scope) => onChange(withScopeToggled(chosen, name, scope as Scope))}
                />
              ) : (
                <Text size="sm" fw={600}>
                  {wordsFor(scopesOf(chosen, name))}
                </Text>
              )}
            </div>
          ))}
        </Surface>
      ))}
    </Stack>
  );
}

function wordsFor(scopes: Scope[]): string {
  return SCOPES.filter(({ scope }) => scopes.includes(scope))
    .map(({ label }) => label)
    .join(", ");
}
