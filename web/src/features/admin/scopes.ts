/**
 * How far a permission of a role reaches. A role writes `events:update`, `events:update:own` or
 * `events:update:self`; the last two may stand beside each other, the first contains both.
 */
import type { Permission } from "../../api/types";

export type Scope = "any" | "own" | "self";

export const SCOPES: { scope: Scope; label: string }[] = [
  { scope: "any", label: "Everywhere" },
  { scope: "own", label: "Own customer" },
  { scope: "self", label: "Own things" },
];

/** What the built-in administrator holds, and no other role can. */
export const EVERYTHING = "*:*";

/** The scopes of one permission in a role's list. */
export function scopesOf(permissions: string[], name: string): Scope[] {
  return SCOPES.map(({ scope }) => scope).filter((scope) => permissions.includes(written(name, scope)));
}

/** The list after a scope of one permission was ticked or unticked. */
export function withScopeToggled(permissions: string[], name: string, scope: Scope): string[] {
  const entry = written(name, scope);
  if (permissions.includes(entry)) return permissions.filter((other) => other !== entry);
  const contained: Scope[] = scope === "any" ? ["own", "self"] : ["any"];
  const gone = contained.map((other) => written(name, other));
  return [...permissions.filter((other) => !gone.includes(other)), entry];
}

/** The permissions by the resource they are about, in the order the server lists them. */
export function byResource(permissions: Permission[]): { resource: string; permissions: Permission[] }[] {
  const groups = new Map<string, Permission[]>();
  for (const permission of permissions) {
    const resource = permission.name.split(":")[0] ?? "";
    groups.set(resource, [...(groups.get(resource) ?? []), permission]);
  }
  return [...groups].map(([resource, inGroup]) => ({ resource, permissions: inGroup }));
}

function written(name: string, scope: Scope): string {
  return scope === "any" ? name : `${name}:${scope}`;
}
