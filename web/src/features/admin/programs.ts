/**
 * The programs that sign users in or act by themselves: their registrations, in the names of RFC 7591
 * as the server sends them, and the four kinds of them this page knows.
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
  post_logout_redirect_uris: string[];
  backchannel_logout_uri?: string;
  backchannel_logout_session_required: boolean;
  dpop_bound_access_tokens: boolean;
  id_token_signed_response_alg: string;
  jwks?: unknown;
  backline_permissions: string[];
  backline_customer_id?: string;
  backline_first_party: boolean;
  backline_active: boolean;
}

export type Kind = "web" | "public" | "device" | "service";

export const KINDS: Record<Kind, { label: string; description: string }> = {
  web: { label: "Web application", description: "Runs on a server, which keeps its secret." },
  public: { label: "Phone or browser app", description: "Runs at its users and has no secret." },
  device: {
    label: "Device without a browser",
    description: "A terminal, a screen: people type its code on another device. It has no secret.",
  },
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

/** How a program that keeps something secret shows who it is. */
export const PROOFS: { value: string; label: string }[] = [
  { value: "client_secret_basic", label: "A secret, in the Authorization header" },
  { value: "client_secret_post", label: "A secret, in the form" },
  { value: "private_key_jwt", label: "A key of its own (private_key_jwt)" },
];

/** The last two are read by fewer programs. */
export const ID_TOKEN_ALGORITHMS = ["RS256", "ES256", "EdDSA"];

const DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";

export function kindOf(registration: Registration): Kind {
  const { grant_types: grants, token_endpoint_auth_method: proof } = registration;
  if (grants.includes("authorization_code")) return proof === "none" ? "public" : "web";
  return grants.includes(DEVICE_GRANT) ? "device" : "service";
}

/** Whether people sign in to it in a browser, which is sent back to it. */
export function signsInByBrowser(kind: Kind): boolean {
  return kind === "web" || kind === "public";
}

/** Whether it shows who it is. */
export function isConfidential(kind: Kind): boolean {
  return kind === "web" || kind === "service";
}

/** What the form asks for. Lists of addresses are texts, one address a line. */
export interface ProgramFields {
  name: string;
  kind: Kind;
  redirectAddresses: string;
  scopes: string[];
  permissions: string[];
  customerId: string | null;
  proof: string;
  /** A JSON Web Key Set (RFC 7517, section 5), or nothing. */
  keys: string;
  isBound: boolean;
  isFirstParty: boolean;
  idTokenAlgorithm: string;
  afterSignOut: string;
  logoutAddress: string;
}

export const NEW_PROGRAM: ProgramFields = {
  name: "",
  kind: "web",
  redirectAddresses: "",
  scopes: ["openid", "profile", "email"],
  permissions: [],
  customerId: null,
  proof: "client_secret_basic",
  keys: "",
  isBound: false,
  isFirstParty: false,
  idTokenAlgorithm: "RS256",
  afterSignOut: "",
  logoutAddress: "",
};

export function fieldsOf(registration: Registration): ProgramFields {
  const { jwks } = registration;
  return {
    name: registration.client_name,
    kind: kindOf(registration),
    redirectAddresses: registration.redirect_uris.join("\n"),
    scopes: registration.scope.split(" ").filter((scope) => scope !== ""),
    permissions: registration.backline_permissions,
    customerId: registration.backline_customer_id ?? null,
    proof: registration.token_endpoint_auth_method,
    keys: jwks === undefined ? "" : JSON.stringify(jwks, null, 2),
    isBound: registration.dpop_bound_access_tokens,
    isFirstParty: registration.backline_first_party,
    idTokenAlgorithm: registration.id_token_signed_response_alg,
    afterSignOut: registration.post_logout_redirect_uris.join("\n"),
    logoutAddress: registration.backchannel_logout_uri ?? "",
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
  const body = { grant_types: GRANTS[fields.kind], ...metadataOf(fields) };
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

const GRANTS: Record<Kind, string[]> = {
  web: ["authorization_code", "refresh_token"],
  public: ["authorization_code", "refresh_token"],
  device: [DEVICE_GRANT, "refresh_token"],
  service: ["client_credentials"],
};

function metadataOf(fields: ProgramFields) {
  const { kind, keys, logoutAddress } = fields;
  const isService = kind === "service";
  const byBrowser = signsInByBrowser(kind);
  return {
    client_name: fields.name.trim(),
    token_endpoint_auth_method: isConfidential(kind) ? fields.proof : "none",
    jwks: keys.trim() === "" ? undefined : JSON.parse(keys),
    redirect_uris: byBrowser ? linesOf(fields.redirectAddresses) : [],
    post_logout_redirect_uris: byBrowser ? linesOf(fields.afterSignOut) : [],
    backchannel_logout_uri: logoutAddress.trim() === "" ? undefined : logoutAddress.trim(),
    dpop_bound_access_tokens: fields.isBound,
    id_token_signed_response_alg: fields.idTokenAlgorithm,
    scope: isService ? "api" : fields.scopes.join(" "),
    backline_permissions: isService ? fields.permissions : [],
    backline_customer_id: isService ? (fields.customerId ?? undefined) : undefined,
    backline_first_party: fields.isFirstParty,
  };
}

function linesOf(text: string): string[] {
  return text.split(/\s+/).filter((line) => line !== "");
}

function pathOf(id: string): `/oauth/${string}` {
  return `/oauth/register/${id}`;
}
