/** Programs that sign people in with Backline: registered by an administrator, allowed by people. */
import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expectGoodPage, signInAs, signOut } from "./support/pages";
import { buildAuthorizationUrl, register } from "./support/program";
import { expect, test } from "./support/test";

const REDIRECT = "http://127.0.0.1:9/signed-in";

test("an administrator registers a program, renews its secret, disables and removes it", async ({
  page,
  site,
  consoleErrors,
}) => {
  consoleErrors.allow(/status of 400/);
  await signInAs(page, await site.admin());
  await page.goto("/admin/programs");
  await expect(page.getByRole("heading", { name: "Programs", exact: true })).toBeVisible();
  await expectGoodPage(page, "admin-programs-none");

  await page.getByRole("link", { name: "Register a program" }).click();
  const name = `Fan shop ${Date.now() % 100_000}`;
  await page.getByRole("textbox", { name: "Name" }).fill(name);
  await page.getByLabel("Redirect addresses").fill("http://shop.example.org/signed-in");
  await page.getByRole("checkbox", { name: "Their roles" }).check();
  await page.getByRole("button", { name: "Register" }).click();
  await expect(page.getByRole("alert")).toContainText("must use https");
  await expectGoodPage(page, "admin-program-refused", page.getByRole("alert"));

  await page.getByLabel("Redirect addresses").fill("https://shop.example.org/signed-in");
  await page.getByText("More settings").click();
  await page.getByLabel("Addresses after signing out").fill("https://shop.example.org/");
  await page.getByLabel("Address for sign-outs").fill("https://shop.example.org/signed-out");
  await page.getByRole("checkbox", { name: "It belongs to us" }).check();
  await expectGoodPage(page, "admin-program-more", page.getByLabel("Address for sign-outs"));
  await page.getByRole("button", { name: "Register" }).click();
  await expect(page.getByRole("heading", { name: `${name} is registered` })).toBeVisible();
  await expect(page.getByRole("button", { name: "Copy the client secret" })).toBeVisible();
  await expectGoodPage(page, "admin-program-registered");

  await page.getByRole("link", { name: "Go to the programs" }).click();
  await expect(page.getByRole("row").filter({ hasText: name })).toContainText("Web application");
  await expectGoodPage(page, "admin-programs");
  await page.getByRole("link", { name }).click();
  await expect(page.getByRole("heading", { name })).toBeVisible();
  await expect(page.getByLabel("Redirect addresses")).toHaveValue("https://shop.example.org/signed-in");
  await expectGoodPage(page, "admin-program");
  await page.getByText("More settings").click();
  await expect(page.getByLabel("Address for sign-outs")).toHaveValue("https://shop.example.org/signed-out");
  await expect(page.getByRole("checkbox", { name: "It belongs to us" })).toBeChecked();

  await page.getByRole("textbox", { name: "Name" }).fill(`${name} 2`);
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Saved")).toBeVisible();
  await expect(page.getByRole("heading", { name: `${name} 2` })).toBeVisible();

  await page.getByRole("button", { name: "New secret" }).click();
  const renewal = page.getByRole("dialog", { name: "Make a new secret?" });
  await renewal.getByRole("button", { name: "Make a new secret" }).click();
  await expect(page.getByRole("button", { name: "Copy the client secret" })).toBeVisible();

  await page.getByRole("button", { name: "Disable" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Disable" }).click();
  await expect(page.getByText("Disabled", { exact: true })).toBeVisible();
  await expectGoodPage(page, "admin-program-disabled", page.getByRole("button", { name: "Enable" }));
  await page.getByRole("button", { name: "Enable" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Enable" }).click();
  await expect(page.getByText("Active", { exact: true })).toBeVisible();

  await page.getByRole("button", { name: "Remove the program" }).click();
  const removal = page.getByRole("dialog", { name: "Remove this program?" });
  await removal.getByRole("button", { name: "Remove the program" }).click();
  await expect(page.getByRole("heading", { name: "Programs", exact: true })).toBeVisible();
  await expect(page.getByRole("link", { name })).toHaveCount(0);
});

test("an administrator makes a service account, which gets a token", async ({ page, site, request }) => {
  await signInAs(page, await site.admin());
  await page.goto("/admin/programs/new");
  const name = `Ledger export ${Date.now() % 100_000}`;
  await page.getByRole("textbox", { name: "Name" }).fill(name);
  await page.getByRole("radio", { name: "Service account" }).check();
  await page.getByRole("combobox", { name: "Permissions" }).fill("events:read");
  await page.getByRole("option", { name: "events:read", exact: true }).click();
  await page.keyboard.press("Escape");
  await expectGoodPage(page, "admin-program-service");
  await page.getByRole("button", { name: "Register" }).click();
  await expect(page.getByRole("heading", { name: `${name} is registered` })).toBeVisible();

  const [clientId = "", secret = ""] = await page.locator("main code").allInnerTexts();
  const answer = await request.post("/oauth/token", {
    form: { grant_type: "client_credentials" },
    headers: { authorization: `Basic ${Buffer.from(`${clientId}:${secret}`).toString("base64")}` },
  });
  expect(await answer.json()).toMatchObject({ token_type: "Bearer" });
});

test("somebody lets a program use the account and withdraws it", async ({ page, site, consoleErrors }) => {
  consoleErrors.allow(/status of 401|ERR_/);
  await signInAs(page, await site.admin());
  await page.goto("/admin/programs/new");
  const name = `Set list ${Date.now() % 100_000}`;
  await page.getByRole("textbox", { name: "Name" }).fill(name);
  await page.getByRole("radio", { name: "Phone or browser app" }).check();
  await page.getByLabel("Redirect addresses").fill(REDIRECT);
  await page.getByRole("button", { name: "Register" }).click();
  await expect(page.getByRole("heading", { name: `${name} is registered` })).toBeVisible();
  await expect(page.getByRole("button", { name: "Copy the client secret" })).toHaveCount(0);
  const clientId = await page.locator("main code").innerText();
  await signOut(page);

  const person = await site.person();
  // The program is not there: what it would be told is enough.
  await page.route(`${REDIRECT}**`, (route) => route.fulfill({ body: "signed in" }));
  const challenge = createHash("sha256").update(randomBytes(32).toString("base64url")).digest("base64url");
  const query = new URLSearchParams({
    response_type: "code",
    client_id: clientId,
    redirect_uri: REDIRECT,
    scope: "openid profile email",
    state: "any",
    code_challenge: challenge,
    code_challenge_method: "S256",
  });
  await page.goto(`/oauth/authorize?${query}`);
  await page.getByLabel("E-mail address").fill(person.account.email);
  await page.getByLabel("Password").fill(person.account.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "Allow" }).click();
  await page.waitForURL(/\/signed-in\?.*code=/);

  await signInAs(page, person);
  await page.goto("/account");
  const row = page.getByRole("row").filter({ hasText: name });
  await expect(row).toContainText("See your name");
  await row.scrollIntoViewIfNeeded();
  await expectGoodPage(page, "account-programs", row);
  await page.getByRole("button", { name: `Withdraw the access of ${name}` }).click();
  const dialog = page.getByRole("dialog", { name: "Withdraw this access?" });
  await expectGoodPage(page, "account-withdraw-asked", dialog);
  await dialog.getByRole("button", { name: "Withdraw" }).click();
  await expect(row).toHaveCount(0);
  await expect(page.getByText("No program has access to your account.")).toBeVisible();
});

test("a page of another origin gets tokens for who signed in", async ({ page, site }) => {
  // The program: one page that runs in the browser alone and keeps no secret.
  const program = createServer((_, response) => {
    response.setHeader("content-type", "text/html").end("<!doctype html><title>Set list</title>");
  });
  await new Promise<void>((resolve) => program.listen(0, "127.0.0.1", resolve));
  try {
    const callback = `http://127.0.0.1:${(program.address() as AddressInfo).port}/signed-in`;
    const config = await register(site, {
      client_name: "Set list",
      redirect_uris: [callback],
      token_endpoint_auth_method: "none",
      scope: "openid profile email",
      backline_first_party: true,
    });
    const person = await site.person();
    const { url, checks } = await buildAuthorizationUrl(config, callback);
    url.searchParams.set("scope", "openid profile email");
    await page.goto(url.href);
    await page.getByLabel("E-mail address").fill(person.account.email);
    await page.getByLabel("Password").fill(person.account.password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.waitForURL(`${callback}?*`);
    const claims = await page.evaluate(signInFromHere, {
      issuer: site.url,
      form: {
        grant_type: "authorization_code",
        client_id: config.clientMetadata().client_id,
        code: new URL(page.url()).searchParams.get("code") ?? "",
        redirect_uri: callback,
        code_verifier: checks.pkceCodeVerifier,
      },
    });
    expect(claims).toMatchObject({ sub: person.id, email: person.account.email });
  } finally {
    await new Promise((resolve) => program.close(resolve));
  }
});

/** What such a program does in the browser, with `fetch` alone. */
async function signInFromHere({ issuer, form }: { issuer: string; form: Record<string, string> }) {
  const json = async (answer: Response) => {
    if (!answer.ok) throw new Error(`${answer.url}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  };
  const provider = await json(await fetch(`${issuer}/.well-known/openid-configuration`));
  await json(await fetch(provider.jwks_uri));
  const body = new URLSearchParams(form);
  const tokens = await json(await fetch(provider.token_endpoint, { method: "POST", body }));
  const headers = { authorization: `Bearer ${tokens.access_token}` };
  return json(await fetch(provider.userinfo_endpoint, { headers }));
}
