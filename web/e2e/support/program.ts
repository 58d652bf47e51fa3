/** Another program, by which users sign in: made of `openid-client`, registered with the site under test. */
import { expect } from "@playwright/test";
import * as oidc from "openid-client";
import type { Site } from "./site";

export const SCOPE = "openid profile email roles offline_access";
const OVER_HTTP = { execute: [oidc.allowInsecureRequests] };

export type BuildUrl = (config: oidc.Configuration, parameters: Record<string, string>) => URL | Promise<URL>;

/** Registers a program as the administrator and finds out the rest from the provider's own word. */
export async function register(site: Site, metadata: object, prove?: () => oidc.ClientAuth) {
  const { account } = await site.admin();
  const post = (path: string, body: object, headers = {}) =>
    fetch(site.url + path, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
  const signedIn = await post("/api/v1/auth/login", { email: account.email, password: account.password });
  const { accessToken } = (await signedIn.json()) as { accessToken: string };
  const answer = await post("/oauth/register", metadata, { authorization: `Bearer ${accessToken}` });
  expect(answer.status, "registering a program").toBe(201);
  const client = (await answer.json()) as oidc.ClientMetadata & { client_id: string };
  return oidc.discovery(new URL(site.url), client.client_id, client, prove?.(), OVER_HTTP);
}

/** Where the program sends the browser, and what it checks when that comes back. */
export async function buildAuthorizationUrl(
  config: oidc.Configuration,
  callback: string,
  build: BuildUrl = oidc.buildAuthorizationUrl,
) {
  const checks = {
    pkceCodeVerifier: oidc.randomPKCECodeVerifier(),
    expectedState: oidc.randomState(),
    expectedNonce: oidc.randomNonce(),
  };
  const url = await build(config, {
    redirect_uri: callback,
    scope: SCOPE,
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
    code_challenge_method: "S256",
  });
  return { url, checks };
}
