/**
 * Other programs sign users in: a relying party made of `openid-client`, a certified library that
 * knows nothing of Backline but its address.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "@playwright/test";
import * as oidc from "openid-client";
import { expectGoodPage } from "./support/pages";
import { type BuildUrl, buildAuthorizationUrl, register, SCOPE } from "./support/program";
import type { Person } from "./support/site";
import { expect, test } from "./support/test";

const DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";

let landing: Server;
let callback: string;

test.beforeAll(async () => {
  landing = createServer((_, response) => response.end("<h1>Back at the program</h1>"));
  await new Promise<void>((resolve) => landing.listen(0, "127.0.0.1", resolve));
  callback = `http://127.0.0.1:${(landing.address() as AddressInfo).port}/callback`;
});
test.afterAll(() => new Promise((resolve) => landing.close(resolve)));

test("a user signs in, allows, and the program knows who it is until it signs out", async ({
  page,
  site,
}) => {
  const config = await register(site, webProgram("client_secret_basic"));
  const person = await site.person({ firstName: "Ada", lastName: "Lind" });
  const { url, checks } = await authorizationUrl(config);

  await page.goto(url.href);
  await expectGoodPage(page, "openid-sign-in");
  await signIn(page, person);
  await expect(page.getByRole("heading", { name: "Box office asks for access" })).toBeVisible();
  await expectGoodPage(page, "openid-consent");
  await page.getByRole("button", { name: "Allow" }).click();
  await page.waitForURL(`${callback}?*`);

  const tokens = await oidc.authorizationCodeGrant(config, new URL(page.url()), checks);
  const claims = tokens.claims();
  expect(claims).toMatchObject({ sub: person.id, name: "Ada Lind", email: person.account.email });
  const info = await oidc.fetchUserInfo(config, tokens.access_token, claims?.sub ?? "");
  expect(info.email).toBe(person.account.email);

  const fresh = await oidc.refreshTokenGrant(config, tokens.refresh_token ?? "");
  const facts = await oidc.tokenIntrospection(config, fresh.access_token);
  expect(facts).toMatchObject({ active: true, sub: person.id });

  const goodbye = { id_token_hint: tokens.id_token ?? "", post_logout_redirect_uri: callback };
  await page.goto(oidc.buildEndSessionUrl(config, goodbye).href);
  await page.waitForURL(callback);
  expect((await oidc.tokenIntrospection(config, fresh.access_token)).active).toBe(false);
});

test("a pushed request, a signed assertion and a user who is known already", async ({ page, site }) => {
  const keys = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
    "sign",
    "verify",
  ]);
  const jwks = { keys: [await crypto.subtle.exportKey("jwk", keys.publicKey)] };
  const config = await register(site, { ...webProgram("private_key_jwt"), jwks }, () =>
    oidc.PrivateKeyJwt(keys.privateKey),
  );
  const person = await site.person();
  const first = await authorizationUrl(config);
  await page.goto(first.url.href);
  await signIn(page, person);
  await page.getByRole("button", { name: "Allow" }).click();
  await page.waitForURL(`${callback}?*`);
  await oidc.authorizationCodeGrant(config, new URL(page.url()), first.checks);

  const second = await authorizationUrl(config, oidc.buildAuthorizationUrlWithPAR);
  expect(second.url.searchParams.get("request_uri")).toBeTruthy();
  await page.goto(second.url.href);
  await page.waitForURL(`${callback}?*`);
  const tokens = await oidc.authorizationCodeGrant(config, new URL(page.url()), second.checks);
  await oidc.tokenRevocation(config, tokens.refresh_token ?? "");
  await expect(oidc.refreshTokenGrant(config, tokens.refresh_token ?? "")).rejects.toMatchObject({
    error: "invalid_grant",
  });
});

test("somebody who refuses or types a wrong password is told so", async ({ page, site, consoleErrors }) => {
  consoleErrors.allow(/401/);
  const config = await register(site, webProgram("client_secret_post"));
  const person = await site.person();
  const { url, checks } = await authorizationUrl(config);
  await page.goto(url.href);
  await page.getByLabel("E-mail address").fill(person.account.email);
  await page.getByLabel("Password").fill("not this one, surely");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("alert")).toBeVisible();
  await expectGoodPage(page, "openid-wrong-password");
  await page.getByLabel("Password").fill(person.account.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "Refuse" }).click();
  await page.waitForURL(`${callback}?*`);
  const refused = oidc.authorizationCodeGrant(config, new URL(page.url()), checks);
  await expect(refused).rejects.toMatchObject({ error: "access_denied" });
});

test("a device without a browser is let in by its user", async ({ page, site }) => {
  const config = await register(
    site,
    {
      client_name: "Door scanner",
      grant_types: [DEVICE_GRANT],
      token_endpoint_auth_method: "none",
      scope: "openid email",
    },
    () => oidc.None(),
  );
  const person = await site.person();
  const begun = await oidc.initiateDeviceAuthorization(config, { scope: "openid email" });
  await page.goto(begun.verification_uri);
  await expectGoodPage(page, "openid-device-code");
  await page.getByLabel("Code").fill(begun.user_code.toLowerCase());
  await page.getByRole("button", { name: "Go on" }).click();
  await signIn(page, person);
  await expect(page.getByText(begun.user_code)).toBeVisible();
  await expectGoodPage(page, "openid-device-allow");
  await page.getByRole("button", { name: "Allow" }).click();
  await expect(page.getByRole("heading", { name: "Connected" })).toBeVisible();
  const tokens = await oidc.pollDeviceAuthorizationGrant(config, begun);
  expect(tokens.claims()).toMatchObject({ sub: person.id, email: person.account.email });
});

test("a service account does what its registration lists", async ({ site }) => {
  const config = await register(site, {
    client_name: "Till",
    grant_types: ["client_credentials"],
    backline_permissions: ["users:list", "users:read"],
  });
  const { access_token } = await oidc.clientCredentialsGrant(config);
  const ask = (path: string) =>
    fetch(`${site.url}/api/v1${path}`, { headers: { authorization: `Bearer ${access_token}` } });
  expect((await ask("/users?limit=1")).status).toBe(200);
  expect((await ask("/auth/sessions")).status).toBe(401);
  const refused = await fetch(`${site.url}/oauth/register`, {
    headers: { authorization: `Bearer ${access_token}` },
  });
  expect(refused.status).toBe(403);
});

const authorizationUrl = (config: oidc.Configuration, build?: BuildUrl) =>
  buildAuthorizationUrl(config, callback, build);

function webProgram(method: string) {
  return {
    client_name: "Box office",
    redirect_uris: [callback],
    post_logout_redirect_uris: [callback],
    grant_types: ["authorization_code", "refresh_token"],
    token_endpoint_auth_method: method,
    scope: SCOPE,
  };
}

async function signIn(page: Page, { account }: Person) {
  await page.getByLabel("E-mail address").fill(account.email);
  await page.getByLabel("Password").fill(account.password);
  await page.getByRole("button", { name: "Sign in" }).click();
}
