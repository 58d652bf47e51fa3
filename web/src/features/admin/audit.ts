/** The audit log: its entries, the filters that stand in the address, the file, and why somebody may do something. */
import { queryOptions } from "@tanstack/react-query";
import { api } from "../../api/client";
import { pagesQuery } from "../../api/paging";
import type { AuditEntry, PermissionExplanation, User } from "../../api/types";
import { instantOf, zoneHere } from "../../ui/zonedTime";

export type Outcome = AuditEntry["outcome"];

/** As it stands in the address. Days are days where the reader is. */
export interface AuditSearch {
  actor?: string;
  action?: string;
  outcome?: Outcome;
  service?: string;
  on?: string;
  customerId?: string;
  from?: string;
  to?: string;
}

export const OUTCOMES: Record<Outcome, { label: string; color: string }> = {
  done: { label: "Done", color: "green" },
  denied: { label: "Denied", color: "red" },
  failed: { label: "Failed", color: "orange" },
};

export const SERVICES = ["audit", "customers", "events", "messaging", "roles", "tokens", "users"];

/** How actions begin, to choose from. */
export const ACTIONS: { value: string; label: string }[] = [
  { value: "sessions:", label: "Signing in and out" },
  { value: "users:", label: "Accounts" },
  { value: "roles:", label: "Roles" },
  { value: "oauth-clients:", label: "Programs" },
  { value: "tokens:", label: "Tokens" },
  { value: "consents:", label: "Consents" },
  { value: "keys:", label: "Keys" },
  { value: "customers:", label: "Customers" },
  { value: "events:", label: "Events" },
  { value: "tickets:", label: "Tickets" },
  { value: "messages:", label: "Messages" },
  { value: "setup:", label: "First administrator" },
  { value: "audit:", label: "Audit log" },
];

const DONE: Record<string, string> = {
  "audit:export": "Exported the audit log",
  "consents:give": "Allowed a program",
  "consents:withdraw": "Withdrew what a program may do",
  "customers:create": "Entered a customer",
  "customers:delete": "Deleted a customer",
  "customers:found": "Founded a customer",
  "customers:update": "Changed a customer",
  "events:delete": "Deleted an event",
  "events:update": "Changed the state of an event",
  "keys:rotate": "Replaced a signing key",
  "messages:drop": "Dropped dead letters",
  "messages:replay": "Replayed dead letters",
  "oauth-clients:register": "Registered a program",
  "oauth-clients:remove": "Removed a program",
  "oauth-clients:rotate-secret": "Made a program's secret anew",
  "oauth-clients:update": "Changed a program",
  "roles:assign": "Gave a role",
  "roles:create": "Defined a role",
  "roles:delete": "Deleted a role",
  "roles:revoke": "Took a role",
  "roles:update": "Changed a role",
  "sessions:create": "Signed in",
  "sessions:end": "Ended a session",
  "setup:complete": "Made the first administrator",
  "tickets:cancel": "Cancelled somebody's ticket",
  "tokens:issue": "Got tokens for itself",
  "users:change-email": "Asked for another address",
  "users:change-password": "Changed the password",
  "users:create": "Made an account",
  "users:delete": "Deleted an account",
  "users:disable": "Changed the state of an account",
  "users:import": "Brought an account from elsewhere",
  "users:manage-crew": "Changed crew data",
  "users:reset-password": "Set a new password by letter",
  "users:start-totp": "Turned the second factor on",
  "users:stop-totp": "Turned the second factor off",
  "users:update": "Changed an account",
  "users:use-recovery-code": "Used a recovery code",
  "users:verify-email": "Confirmed an address",
};

const FAILED: Record<string, string> = {
  "audit:record": "More happened than is recorded",
  "messages:drop": "Dead letters could not be dropped",
  "messages:replay": "Dead letters could not be replayed",
  "oauth-clients:authenticate": "A program did not prove who it is",
  "sessions:create": "Sign-in in vain",
  "sessions:refresh": "A spent refresh token was used again",
  "tokens:grant": "A code was used twice",
  "users:secure": "Wrong password for the own account",
};

/** What happened, in words; an action nobody has words for is named as it is. */
export function wordsFor({ action, outcome }: Pick<AuditEntry, "action" | "outcome">): string {
  if (outcome === "denied") return `Was not permitted: ${action}`;
  const known = outcome === "failed" ? FAILED[action] : DONE[action];
  return known ?? (outcome === "failed" ? `In vain: ${action}` : action);
}

/** Who it was, as people know them. */
export function partyOf({ actor }: AuditEntry): string {
  if (actor.label) return actor.label;
  if (actor.kind === "anonymous") return "Nobody signed in";
  if (actor.kind === "operator") return "The command line";
  if (actor.kind === "service") return `Service ${actor.id ?? ""}`.trim();
  return actor.id ?? actor.kind;
}

/** What it was done to: the name that is on record, else the kind and the beginning of the id. */
export function objectOf({ on, details }: AuditEntry): string {
  const name = details.email ?? details.name;
  const role = typeof details.role === "string" ? `: ${details.role}` : "";
  if (typeof name === "string") return `${name}${role}`;
  if (on === null) return "";
  if (on.id === "*") return `${on.kind}: several`;
  return on.id.length > 20 && !on.id.includes("@")
    ? `${on.kind} ${on.id.slice(0, 8)}…`
    : `${on.kind} ${on.id}`;
}

export function readAuditSearch(search: Record<string, unknown>): AuditSearch {
  const { outcome } = search;
  return {
    actor: readText(search.actor),
    action: readText(search.action),
    outcome: typeof outcome === "string" && outcome in OUTCOMES ? (outcome as Outcome) : undefined,
    service: readText(search.service),
    on: readText(search.on),
    customerId: readText(search.customerId),
    from: readDay(search.from),
    to: readDay(search.to),
  };
}

export function isFiltered(search: AuditSearch): boolean {
  return Object.values(search).some((value) => value !== undefined);
}

export const auditQuery = (search: AuditSearch) =>
  pagesQuery<AuditEntry>(["audit", search], async (cursor, signal) => {
    const params = { query: { ...filterOf(search), cursor } };
    return (await api.GET("/api/v1/audit", { params, signal })).data;
  });

/** Has the browser save what the filters find. */
export async function downloadAudit(search: AuditSearch, format: "csv" | "jsonl") {
  const params = { query: { ...filterOf(search), format } };
  const { data } = await api.GET("/api/v1/audit/export", { params, parseAs: "blob" });
  const address = URL.createObjectURL(data as unknown as Blob);
  const link = document.createElement("a");
  link.href = address;
  link.download = `audit.${format}`;
  link.click();
  // The browser has taken it by then; a second is more than it needs.
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

export interface PermissionQuestion {
  /** An account, by id or by address. */
  user?: string;
  permission?: string;
  customerId?: string;
}

export function readQuestion(search: Record<string, unknown>): PermissionQuestion {
  return {
    user: readText(search.user),
    permission: readText(search.permission),
    customerId: readText(search.customerId),
  };
}

export interface PermissionAnswer {
  /** Null when nobody has this address. */
  user: User | null;
  explanation: PermissionExplanation | null;
}

export const explanationQuery = ({ user, permission, customerId }: PermissionQuestion) =>
  queryOptions({
    queryKey: ["explanation", user, permission, customerId],
    staleTime: 0,
    queryFn: async ({ signal }): Promise<PermissionAnswer> => {
      const found = await findUser(user ?? "", signal);
      if (found === null) return { user: null, explanation: null };
      const params = { path: { id: found.id }, query: { permission: permission ?? "", customerId } };
      const { data } = await api.GET("/api/v1/users/{id}/permissions/explanation", { params, signal });
      return { user: found, explanation: data ?? null };
    },
  });

async function findUser(idOrEmail: string, signal: AbortSignal): Promise<User | null> {
  if (idOrEmail.includes("@")) {
    const params = { query: { email: idOrEmail, limit: 1 } };
    const { data } = await api.GET("/api/v1/users", { params, signal });
    return data?.items[0] ?? null;
  }
  const params = { path: { id: idOrEmail } };
  return (await api.GET("/api/v1/users/{id}", { params, signal })).data ?? null;
}

function filterOf({ on, from, to, ...same }: AuditSearch) {
  return { ...same, onId: on, from: dayStart(from, 0), to: dayStart(to, 1) };
}

/** The instant at which a day begins where the reader is; with 1, the day after it. */
function dayStart(day: string | undefined, later: 0 | 1): string | undefined {
  if (day === undefined) return undefined;
  const noon = new Date(`${day}T12:00:00Z`);
  noon.setUTCDate(noon.getUTCDate() + later);
  const start = instantOf(`${noon.toISOString().slice(0, 10)}T00:00`, zoneHere());
  return start?.instant.toISOString();
}

/** The router reads `?actor=1984` as a number. */
function readText(value: unknown): string | undefined {
  if (typeof value !== "string" && typeof value !== "number") return undefined;
  return String(value).trim() || undefined;
}

function readDay(value: unknown): string | undefined {
  if (typeof value !== "string" || !/^\d{4}-\d{2}-\d{2}$/.test(value)) return undefined;
  return Number.isNaN(Date.parse(value)) ? undefined : value;
}
