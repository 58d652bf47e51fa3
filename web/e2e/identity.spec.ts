/** Accounts: signing up, in and out. */
import { expectGoodPage, signInAs } from "./support/pages";
import { newAccount } from "./support/site";
import { expect, test } from "./support/test";

test.beforeEach(async ({ site }) => {
  await site.admin();
});

test("somebody signs up, signs out and signs in again", async ({ page, consoleErrors }) => {
  // The pointer passes over links on its way to "Sign out"; what they load ahead may come too late.
  consoleErrors.allow(/status of 401/);
  const { email, password } = newAccount();
  await page.goto("/sign-up");
  await expectGoodPage(page, "sign-up");
  await page.getByLabel("First name").fill("Ada");
  await page.getByLabel("Last name").fill("Lind");
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Make the account" }).click();

  await page.getByRole("button", { name: "Menu of Ada Lind" }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await expect(page.getByRole("heading", { name: "You are signed out" })).toBeVisible();
  await expectGoodPage(page, "signed-out");

  await page.getByRole("link", { name: "Sign in again" }).click();
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("button", { name: "Menu of Ada Lind" })).toBeVisible();

  await page.reload();
  await expect(page.getByRole("button", { name: "Menu of Ada Lind" })).toBeVisible();
});

test("a wrong password is told in words", async ({ page, site, consoleErrors }) => {
  consoleErrors.allow(/status of 401/);
  const { account } = await site.person();
  await page.goto("/sign-in");
  await page.getByLabel("Email").fill(account.email);
  await page.getByLabel("Password", { exact: true }).fill("not the right one");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("alert")).toContainText("do not match an account");
  await expectGoodPage(page, "sign-in-refused");
});

test("an address that is taken is told at its field", async ({ page, site, consoleErrors }) => {
  consoleErrors.allow(/status of 409/);
  const { account } = await site.person();
  await page.goto("/sign-up");
  await page.getByLabel("First name").fill("Ada");
  await page.getByLabel("Last name").fill("Lind");
  await page.getByLabel("Email").fill(account.email);
  await page.getByLabel("Password", { exact: true }).fill("a password long enough");
  await page.getByRole("button", { name: "Make the account" }).click();
  await expect(page.getByLabel("Email")).toHaveAttribute("aria-invalid", "true");
});

test("the account page lists this session", async ({ page, site }) => {
  await signInAs(page, await site.person());
  await page.goto("/account");
  await expect(page.getByText("This browser")).toBeVisible();
  await expectGoodPage(page, "account");
});

test("somebody signs out everywhere else", async ({ page, site }) => {
  const person = await site.person();
  await signInAs(page, person);
  await page.goto("/account");
  const sessions = page.getByRole("table", { name: "Where you are signed in" });
  // The one at the page, and the one with which the person was looked for.
  await expect(sessions.getByRole("button", { name: /^End the session/ })).toHaveCount(1);
  await page.getByRole("button", { name: "Sign out everywhere else" }).click();
  const dialog = page.getByRole("dialog", { name: "Sign out everywhere else?" });
  await expectGoodPage(page, "sessions-end-all", dialog);
  await dialog.getByRole("button", { name: "End the sessions" }).click();
  await expect(sessions.getByRole("button", { name: /^End the session/ })).toHaveCount(0);
  await expect(page.getByText("This browser")).toBeVisible();
});

test("an administrator ends the sessions of somebody", async ({ page, site }) => {
  const person = await site.person({ firstName: "Olga", lastName: "Dahl" });
  await signInAs(page, await site.admin());
  await page.goto(`/admin/users/${person.id}`);
  const sessions = page.getByRole("table", { name: "Sessions" });
  await expect(sessions).toContainText("Password");
  await expectGoodPage(page, "admin-user-sessions");
  await page.getByRole("button", { name: "End all sessions" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "End the sessions" }).click();
  await expect(page.getByText("No sessions.")).toBeVisible();
  expect(await person.isSignedIn()).toBe(false);
});
