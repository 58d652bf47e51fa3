/**
 * Ways in without a password: passkeys, with an authenticator that the browser plays, and links sent by
 * email. Passkeys belong to a name, so here this machine is called `localhost`.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "@playwright/test";
import * as oidc from "openid-client";
import { plugIn } from "./support/authenticator";
import { expectGoodPage, signInAs, signOut } from "./support/pages";
import { buildAuthorizationUrl, register, SCOPE } from "./support/program";
import type { Person } from "./support/site";
import { expect, test } from "./support/test";
import { totpCode } from "./support/totp";

test.use({ host: "localhost" });

let landing: Server;
let callback: string;

test.beforeAll(async () => {
  landing = createServer((_, response) => response.end("<h1>Back at the program</h1>"));
  await new Promise<void>((resolve) => landing.listen(0, "127.0.0.1", resolve));
  callback = `http://127.0.0.1:${(landing.address() as AddressInfo).port}/callback`;
});
test.afterAll(() => new Promise((resolve) => landing.close(resolve)));
test.beforeEach(async ({ site }) => {
  await site.admin();
});

async function addPasskey(page: Page, person: Person, name: string) {
  await page.goto("/account");
  await page.getByRole("button", { name: "Add a passkey" }).click();
  const dialog = page.getByRole("dialog", { name: "Add a passkey" });
  await dialog.getByLabel("Name").fill(name);
  await dialog.getByLabel("Your password", { exact: true }).fill(person.account.password);
  return dialog;
}

test("somebody adds a passkey and signs in with it alone", async ({ page, site, consoleErrors }) => {
  consoleErrors.allow(/status of 401/);
  const authenticator = await plugIn(page);
  const person = await site.person();
  await signInAs(page, person);
  await page.goto("/account");
  await expect(page.getByText("You have no passkey yet.")).toBeVisible();
  await expectGoodPage(page, "passkeys-none");
  const dialog = await addPasskey(page, person, "My phone");
  await expectGoodPage(page, "passkeys-add", dialog.getByLabel("Name"));
  await dialog.getByRole("button", { name: "Go on" }).click();
  await expect(page.getByText("“My phone” opens your account from now on.")).toBeVisible();
  expect(await authenticator.count()).toBe(1);
  const table = page.getByRole("table", { name: "Your passkeys" });
  await expect(table).toContainText("Never");

  await (await addPasskey(page, person, "Again")).getByRole("button", { name: "Go on" }).click();
  const refusal = page.getByRole("dialog").getByRole("alert");
  await expect(refusal).toContainText("There is a passkey already");
  await expectGoodPage(page, "passkeys-known-already", refusal);

  await signOut(page);
  await page.goto("/sign-in?return=/account");
  await expect(page.getByRole("button", { name: "Menu of Ada Lind" })).toHaveCount(0);
  await expectGoodPage(page, "sign-in-with-passkeys");
  await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await expect(page.getByRole("heading", { name: "Account" })).toBeVisible();
  await expect(table).toContainText("just now");
});

test("somebody renames a passkey and takes it away, and it opens nothing", async ({
  page,
  site,
  consoleErrors,
}) => {
  consoleErrors.allow(/status of 401/);
  await plugIn(page);
  const person = await site.person();
  await signInAs(page, person);
  await (await addPasskey(page, person, "My phone")).getByRole("button", { name: "Go on" }).click();
  const table = page.getByRole("table", { name: "Your passkeys" });
  await page.getByRole("button", { name: "Rename My phone" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill("Old phone");
  await page.getByRole("dialog").getByRole("button", { name: "Rename" }).click();
  await expect(table).toContainText("Old phone");
  await expectGoodPage(page, "passkeys-one", table);
  await page.getByRole("button", { name: "Remove Old phone" }).click();
  const removal = page.getByRole("dialog", { name: "Remove this passkey?" });
  await removal.getByLabel("Your password", { exact: true }).fill(person.account.password);
  await expectGoodPage(page, "passkeys-remove", removal.getByText("Old phone"));
  await removal.getByRole("button", { name: "Remove" }).click();
  await expect(page.getByText("You have no passkey yet.")).toBeVisible();

  await signOut(page);
  await page.goto("/sign-in");
  await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await expect(page.getByRole("alert")).toContainText("does not open an account here");
  await expectGoodPage(page, "sign-in-passkey-refused");
});

test("somebody who does not use a passkey after all can try again", async ({ page, site }) => {
  const authenticator = await plugIn(page);
  const person = await site.person();
  await signInAs(page, person);
  await (await addPasskey(page, person, "My phone")).getByRole("button", { name: "Go on" }).click();
  await expect(page.getByRole("table", { name: "Your passkeys" })).toBeVisible();
  await signOut(page);
  await authenticator.refuse();
  await page.goto("/sign-in");
  await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await expect(page.getByRole("alert")).toContainText("No passkey was used");
  await expect(page.getByRole("button", { name: "Sign in with a passkey" })).toBeEnabled();
});

test("a program's users sign in to it with a passkey", async ({ page, site }) => {
  await plugIn(page);
  const person = await site.person();
  await signInAs(page, person);
  await (await addPasskey(page, person, "My phone")).getByRole("button", { name: "Go on" }).click();
  await expect(page.getByRole("table", { name: "Your passkeys" })).toBeVisible();
  await signOut(page);

  const config = await register(site, {
    client_name: "Box office",
    redirect_uris: [callback],
    grant_types: ["authorization_code", "refresh_token"],
    scope: SCOPE,
  });
  const { url, checks } = await buildAuthorizationUrl(config, callback);
  // The session is another one than that of the account page.
  url.searchParams.set("prompt", "login");
  await page.goto(url.href);
  await expectGoodPage(page, "openid-sign-in-with-passkeys");
  await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await expect(page.getByRole("heading", { name: "Box office asks for access" })).toBeVisible();
  await page.getByRole("button", { name: "Allow" }).click();
  await page.waitForURL(`${callback}?*`);
  const tokens = await oidc.authorizationCodeGrant(config, new URL(page.url()), checks);
  expect(tokens.claims()).toMatchObject({
    sub: person.id,
    amr: ["swk", "user", "mfa"],
    acr: "urn:backline:two-factors",
  });
});

test("the provider's page without script is the one for passwords", async ({ browser, site }) => {
  const config = await register(site, {
    client_name: "Box office",
    redirect_uris: [callback],
    grant_types: ["authorization_code"],
    scope: "openid",
  });
  const { url } = await buildAuthorizationUrl(config, callback);
  url.searchParams.set("scope", "openid");
  const { account } = await site.person();
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(url.href);
  await expect(page.getByRole("button", { name: "Sign in with a passkey" })).toBeHidden();
  await page.getByLabel("E-mail address").fill(account.email);
  await page.getByLabel("Password").fill(account.password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.getByRole("heading", { name: "Box office asks for access" })).toBeVisible();
  await context.close();
});

test("the account page says where passkeys work when they do not work here", async ({ page, site }) => {
  const person = await site.person();
  const byNumber = site.url.replace("localhost", "127.0.0.1");
  await page.goto(`${byNumber}/sign-in`);
  await expect(page.getByRole("button", { name: "Sign in with a passkey" })).toHaveCount(0);
  await page.getByLabel("Email").fill(person.account.email);
  await page.getByLabel("Password", { exact: true }).fill(person.account.password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.getByRole("button", { name: "Menu of Ada Lind" })).toBeVisible();
  await page.goto(`${byNumber}/account`);
  const address = page.getByRole("link", { name: `${site.url}/account` });
  await expect(address).toHaveAttribute("href", `${site.url}/account`);
  await expect(page.getByRole("button", { name: "Add a passkey" })).toHaveCount(0);
  await expectGoodPage(page, "passkeys-elsewhere");
});

test("somebody signs in by the link of a letter", async ({ page, site, consoleErrors }) => {
  consoleErrors.allow(/status of 401/);
  const person = await site.person();
  await page.goto("/sign-in");
  await page.getByRole("link", { name: "Send me a link" }).click();
  await expect(page.getByRole("heading", { name: "Sign in by email" })).toBeVisible();
  await expectGoodPage(page, "sign-in-link-ask");
  await page.getByLabel("Email").fill(person.account.email);
  await page.getByRole("button", { name: "Send me a link" }).click();
  await expect(page.getByText("If there is an account with this address")).toBeVisible();
  await expectGoodPage(page, "sign-in-link-sent");

  const link = await site.linkFor(person.account.email, "sign-in-link");
  await page.goto(link);
  await expectGoodPage(page, "sign-in-link");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.getByRole("button", { name: "Menu of Ada Lind" })).toBeVisible();
  await page.goto("/account");
  await expect(page.getByRole("region", { name: "Email" })).toContainText("Confirmed");

  await signOut(page);
  await page.goto(link);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.getByRole("link", { name: "Ask for another link" })).toBeVisible();
  await expectGoodPage(page, "sign-in-link-spent");
});

test("a link is followed by the second step where there is one", async ({ page, site, consoleErrors }) => {
  consoleErrors.allow(/status of 401/);
  const person = await site.person();
  const { password, email } = person.account;
  const { secret } = await person.call<{ secret: string }>("POST", "/users/me/totp", { password });
  await person.call("POST", "/users/me/totp/confirm", { code: totpCode(secret) });
  await page.goto("/sign-in-link");
  await page.getByLabel("Email").fill(email);
  await page.getByRole("button", { name: "Send me a link" }).click();
  await page.goto(await site.linkFor(email, "sign-in-link"));
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  const code = page.getByLabel("Code", { exact: true });
  await expect(code).toBeFocused();
  await expectGoodPage(page, "sign-in-link-code");
  await code.fill("000000");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(code).toHaveAttribute("aria-invalid", "true");
  await code.fill(totpCode(secret, 1));
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(page.getByRole("button", { name: "Menu of Ada Lind" })).toBeVisible();
});
