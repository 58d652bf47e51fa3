/**
 * The programs that sign users in or act by themselves: their registrations, in the names of RFC 7591
 * as the server sends them, and the three kinds of them this page knows.
 */
import { queryOptions } from "@tanstack/react-query";
import { callOAuth } from "../../api/client";

/** What is Backline's own begins with `backline_`. */
export interface Registration {
  client_id: string;
  /** Only in the answer that makes it. */
  client_secret?: string;
  client_id_issued_at: number;
  client_name: string;
  token_endpoint_auth_method: string;
  grant_types: string[];
  scope: string;
  redirect_uris: string[];
  backline_permissions: string[];
  backline_active: boolean;
}

export type Kind = "web" | "public" | "service";

export const KINDS: Record<Kind, { label: string; description: string }> = {
  web: { label: "Web application", description: "Runs on a server, which keeps its secret." },
  public: { label: "Phone or browser app", description: "Runs at its users and has no secret." },
  service: { label: "Service account", description: "Acts by itself, without a user." },
};

export const SCOPES: { value: string; label: string }[] = [
  { value: "openid", label: "Who signed in" },
  { value: "profile", label: "Their name" },
  { value: "email", label: "Their email" },
  { value: "roles", label: "Their roles" },
  { value: "offline_access", label: "Access while they are away" },
  { value: "api", label: "Act for them in Backline" },
];

export function kindOf(registration: Registration): Kind {
  if (!registration.grant_types.includes("authorization_code")) return "service";
  return registration.token_endpoint_auth_method === "none" ? "public" : "web";
}

/** What the form asks for. */
export interface ProgramFields {
  name: string;
  kind: Kind;
  redirectAddresses: string;
  scopes: string[];
  permissions: string[];
}

export const NEW_PROGRAM: ProgramFields = {
  name: "",
  kind: "web",
  redirectAddresses: "",
  scopes: ["openid", "profile", "email"],
  permissions: [],
};

export function fieldsOf(registration: Registration): ProgramFields {
  return {
    name: registration.client_name,
    kind: kindOf(registration),
    redirectAddresses: registration.redirect_uris.join("\n"),
    scopes: registration.scope.split(" ").filter((scope) => scope !== ""),
    permissions: registration.backline_permissions,
  };
}

export const programsQuery = queryOptions({
  queryKey: ["programs"],
  queryFn: async ({ signal }) =>
    (await callOAuth<{ items: Registration[] }>("GET", "/oauth/register", { signal })).items,
});

export const programQuery = (id: string) =>
  queryOptions({
    queryKey: ["program", id],
    queryFn: ({ signal }) => callOAuth<Registration>("GET", pathOf(id), { signal }),
  });

export function registerProgram(fields: ProgramFields): Promise<Registration> {
  const body = { ...METHODS[fields.kind], ...metadataOf(fields) };
  return callOAuth("POST", "/oauth/register", { body });
}

/** A registration is replaced as a whole: what the form does not know stays as it was. */
export function changeProgram(present: Registration, fields: ProgramFields): Promise<Registration> {
  return callOAuth("PUT", pathOf(present.client_id), { body: { ...present, ...metadataOf(fields) } });
}

/** One that is off gets no tokens, and those it has are dead. */
export function turnProgram(present: Registration, isOn: boolean): Promise<Registration> {
  return callOAuth("PUT", pathOf(present.client_id), { body: { ...present, backline_active: isOn } });
}

/** Answers the new secret, which is shown this once; the one before stays good for a day. */
export async function renewSecret(id: string): Promise<string> {
  return (await callOAuth<Registration>("POST", `${pathOf(id)}/secret`)).client_secret ?? "";
}

export function removeProgram(id: string): Promise<void> {
  return callOAuth("DELETE", pathOf(id));
}

const SIGNS_IN = { grant_types: ["authorization_code", "refresh_token"] };
const METHODS: Record<Kind, Pick<Registration, "grant_types" | "token_endpoint_auth_method">> = {
  web: { ...SIGNS_IN, token_endpoint_auth_method: "client_secret_basic" },
  public: { ...SIGNS_IN, token_endpoint_auth_method: "none" },
  service: { grant_types: ["client_credentials"], token_endpoint_auth_method: "client_secret_basic" },
};

function metadataOf({ name, kind, redirectAddresses, scopes, permissions }: ProgramFields) {
  const isService = kind === "service";
  const addresses = redirectAddresses.split(/\s+/).filter((address) => address !== "");
  return {
    client_name: name.trim(),
    redirect_uris: isService ? [] : addresses,
    scope: isService ? "api" : scopes.join(" "),
    backline_permissions: isService ? permissions : [],
  };
}

function pathOf(id: string): `/oauth/${string}` {
  return `/oauth/register/${id}`;
}
