/** An authenticator in the browser that keeps passkeys and says yes at once, as a phone with a finger on it. */
import type { Page } from "@playwright/test";

const OPTIONS = {
  protocol: "ctap2",
  transport: "internal",
  hasResidentKey: true,
  hasUserVerification: true,
  isUserVerified: true,
  automaticPresenceSimulation: true,
} as const;

export interface VirtualAuthenticator {
  /** How many passkeys it keeps. */
  count: () => Promise<number>;
  /** From now on finger, face or PIN are not the owner's. */
  refuse: () => Promise<void>;
}

export async function plugIn(page: Page): Promise<VirtualAuthenticator> {
  const browser = await page.context().newCDPSession(page);
  await browser.send("WebAuthn.enable");
  const { authenticatorId } = await browser.send("WebAuthn.addVirtualAuthenticator", { options: OPTIONS });
  return {
    count: async () =>
      (await browser.send("WebAuthn.getCredentials", { authenticatorId })).credentials.length,
    refuse: async () => {
      await browser.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified: false });
    },
  };
}
