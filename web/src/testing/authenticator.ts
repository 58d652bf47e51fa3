/** Stands for an authenticator: makes and uses a passkey whose bytes are known to the test. */
import { vi } from "vitest";

const bytes = (...values: number[]) => new Uint8Array(values).buffer;

/** What the page is to send when the passkey was made. */
export const madeCredential = {
  id: "Cgs",
  rawId: "Cgs",
  type: "public-key",
  clientExtensionResults: {},
  response: { clientDataJSON: "AQ", attestationObject: "-_8", transports: ["internal"] },
};

/** What the page is to send when it was used. */
export const usedCredential = {
  id: "Cgs",
  rawId: "Cgs",
  type: "public-key",
  clientExtensionResults: {},
  response: { clientDataJSON: "AQ", authenticatorData: "Ag", signature: "Aw", userHandle: "BA" },
};

/** The challenges that it is asked to sign; with a `failure` set, it refuses. */
export function stubAuthenticator() {
  const challenges: Uint8Array[] & { failure?: Error | null } = [];
  const answerWith = (response: object) => async (options: { publicKey: { challenge: Uint8Array } }) => {
    challenges.push(options.publicKey.challenge);
    if (challenges.failure) throw challenges.failure;
    return { id: "Cgs", rawId: bytes(10, 11), type: "public-key", response };
  };
  vi.stubGlobal("PublicKeyCredential", class {});
  const credentials = {
    create: answerWith({
      clientDataJSON: bytes(1),
      attestationObject: bytes(251, 255),
      getTransports: () => ["internal"],
    }),
    get: answerWith({
      clientDataJSON: bytes(1),
      authenticatorData: bytes(2),
      signature: bytes(3),
      userHandle: bytes(4),
    }),
  };
  Object.defineProperty(navigator, "credentials", { configurable: true, value: credentials });
  return challenges;
}
