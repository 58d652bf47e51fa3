/**
 * Passkeys from the browser's side: whether there can be any on this page, and having one made or used.
 *
 * What goes to and comes from the server is JSON as WebAuthn level 3 has it. The conversion is written
 * out here, because neither every browser nor every password manager that steps in has `toJSON`.
 */
import { ProblemError } from "../../api/problem";

type Json = Record<string, unknown>;

/** What stands in the way of passkeys on this page; null when nothing does. */
export type PasskeyObstacle =
  | { kind: "nowhere" }
  | { kind: "elsewhere"; origin: string }
  | { kind: "browser" };

/** `origin`: where the server says that passkeys work, null when nowhere. */
export function findPasskeyObstacle(origin: string | null): PasskeyObstacle | null {
  if (origin === null) return { kind: "nowhere" };
  if (origin !== location.origin) return { kind: "elsewhere", origin };
  return hasPasskeys() ? null : { kind: "browser" };
}

/** Whether it is worth offering to sign in with one: no browser has passkeys for IP addresses. */
export function mayUsePasskeys(): boolean {
  const isAddress = /^(\d+\.){3}\d+$|^\[/.test(location.hostname);
  return hasPasskeys() && !isAddress;
}

function hasPasskeys(): boolean {
  return "PublicKeyCredential" in window;
}

/** Has an authenticator make a passkey; answers what the server is to be sent. */
export async function createPasskey(options: Json): Promise<Json> {
  const { user, excludeCredentials } = options as {
    user: { id: string };
    excludeCredentials?: { id: string }[];
  };
  const publicKey = {
    ...options,
    challenge: toBytes(options.challenge),
    user: { ...user, id: toBytes(user.id) },
    excludeCredentials: excludeCredentials?.map((known) => ({ ...known, id: toBytes(known.id) })),
  } as unknown as PublicKeyCredentialCreationOptions;
  const made = await ask(() => navigator.credentials.create({ publicKey }));
  const response = made.response as AuthenticatorAttestationResponse;
  return {
    ...namesOf(made),
    response: {
      clientDataJSON: toText(response.clientDataJSON),
      attestationObject: toText(response.attestationObject),
      transports: response.getTransports?.() ?? [],
    },
  };
}

/** Has an authenticator sign with the passkey that its owner chooses; answers what the server is to be sent. */
export async function signWithPasskey(options: Json): Promise<Json> {
  const publicKey = {
    ...options,
    challenge: toBytes(options.challenge),
  } as unknown as PublicKeyCredentialRequestOptions;
  const used = await ask(() => navigator.credentials.get({ publicKey }));
  const response = used.response as AuthenticatorAssertionResponse;
  return {
    ...namesOf(used),
    response: {
      clientDataJSON: toText(response.clientDataJSON),
      authenticatorData: toText(response.authenticatorData),
      signature: toText(response.signature),
      userHandle: response.userHandle ? toText(response.userHandle) : undefined,
    },
  };
}

async function ask(authenticator: () => Promise<Credential | null>): Promise<PublicKeyCredential> {
  try {
    const credential = await authenticator();
    if (credential !== null) return credential as PublicKeyCredential;
  } catch (error) {
    throw problemOf(error);
  }
  throw problemOf(null);
}

/** In the words of the page; the browser's own are for programmers. */
function problemOf(error: unknown): ProblemError {
  const name = error instanceof Error || error instanceof DOMException ? error.name : "";
  if (name === "InvalidStateError") {
    return new ProblemError({
      status: 0,
      code: "passkey_known",
      title: "There is a passkey already",
      detail: "This device or password manager has a passkey of this account. Use another one.",
    });
  }
  const isGivenUp = name === "NotAllowedError" || name === "AbortError" || name === "";
  return new ProblemError({
    status: 0,
    code: "passkey_given_up",
    title: isGivenUp ? "No passkey was used" : "The passkey did not work",
    detail: isGivenUp
      ? "It was cancelled, or took too long. Nothing was changed; try again."
      : "Your browser or device refused. Nothing was changed; try another device.",
  });
}

function namesOf({ id, rawId, type }: PublicKeyCredential): Json {
  return { id, rawId: toText(rawId), type, clientExtensionResults: {} };
}

function toBytes(text: unknown): Uint8Array<ArrayBuffer> {
  const binary = atob(String(text).replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
}

function toText(buffer: ArrayBuffer): string {
  const binary = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
