/** How an account is protected: its address, its password, its second step. */
import type { Page } from "@playwright/test";
import { expectGoodPage, signInAs, signOut } from "./support/pages";
import type { Person } from "./support/site";
import { expect, test } from "./support/test";
import { totpCode } from "./support/totp";

const NEW_PASSWORD = "gulls over the harbour";

test.beforeEach(async ({ site }) => {
  await site.admin();
});

async function signInByForm(page: Page, { account }: Person, password = account.password) {
  await page.goto("/sign-in");
  await page.getByLabel("Email").fill(account.email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

test("somebody confirms the address by the link of a letter", async ({ page, site, consoleErrors }) => {
  consoleErrors.allow(/status of 403/);
  const person = await site.person();
  await signInAs(page, person);
  await page.goto("/account");
  await expect(page.getByRole("region", { name: "Email" })).toContainText("Not confirmed");
  await page.getByRole("button", { name: "Send the letter again" }).click();
  const dialog = page.getByRole("dialog", { name: "Send the letter again?" });
  await expect(dialog).toContainText(person.account.email);
  await expectGoodPage(page, "security-letter-asked", dialog);
  await dialog.getByRole("button", { name: "Go back" }).click();

  const link = await site.linkFor(person.account.email, "verify-email");
  await page.goto(link);
  await expectGoodPage(page, "verify-email");
  await page.getByRole("button", { name: "Confirm the address" }).click();
  await expect(page.getByRole("heading", { name: "Your email is confirmed" })).toBeVisible();
  await expectGoodPage(page, "verify-email-done");
  await page.getByRole("link", { name: "Go to your account" }).click();
  await expect(page.getByRole("region", { name: "Email" })).toContainText("Confirmed");
  await expect(page.getByRole("button", { name: "Send the letter again" })).toHaveCount(0);

  await page.goto(link);
  await page.getByRole("button", { name: "Confirm the address" }).click();
  await expect(page.getByRole("heading", { name: "This link does not work any more" })).toBeVisible();
  await expectGoodPage(page, "verify-email-spent");
});

test("somebody changes the password", async ({ page, site, consoleErrors }) => {
  consoleErrors.allow(/status of (401|422)/);
  const person = await site.person();
  await signInAs(page, person);
  await page.goto("/account");
  await page.getByRole("button", { name: "Change the password" }).click();
  const dialog = page.getByRole("dialog", { name: "Change the password" });
  await dialog.getByLabel("Your present password", { exact: true }).fill("not the right one");
  await dialog.getByLabel("New password", { exact: true }).fill(NEW_PASSWORD);
  await dialog.getByRole("button", { name: "Change the password" }).click();
  const present = dialog.getByLabel("Your present password", { exact: true });
  await expect(present).toHaveAccessibleDescription(/.+/);
  await expectGoodPage(page, "security-password-refused", dialog);

  await present.fill(person.account.password);
  await dialog.getByRole("button", { name: "Change the password" }).click();
  await expect(dialog).toHaveCount(0);
  await expect(page.getByText("Your password is changed.")).toBeInViewport();

  await signOut(page);
  await signInByForm(page, person);
  await expect(page.getByRole("alert")).toContainText("do not match an account");
  await signInByForm(page, person, NEW_PASSWORD);
  await expect(page.getByRole("button", { name: "Menu of Ada Lind" })).toBeVisible();
});

test("somebody changes the email, and it counts once the link is opened", async ({ page, site }) => {
  const person = await site.person();
  const newEmail = person.account.email.replace("ada", "ada-new");
  await signInAs(page, person);
  await page.goto("/account");
  await page.getByRole("button", { name: "Change the email" }).click();
  const dialog = page.getByRole("dialog", { name: "Change the email" });
  await dialog.getByLabel("New email").fill(newEmail);
  await dialog.getByLabel("Your password", { exact: true }).fill(person.account.password);
  await dialog.getByRole("button", { name: "Send the letter" }).click();
  await expect(page.getByText(`A letter is on its way to ${newEmail}.`)).toBeVisible();
  await expectGoodPage(page, "security-email-asked", page.getByText("A letter is on its way"));

  await page.goto(await site.linkFor(newEmail, "verify-email"));
  await page.getByRole("button", { name: "Confirm the address" }).click();
  await page.getByRole("link", { name: "Go to your account" }).click();
  await expect(page.getByRole("region", { name: "Email" })).toContainText(newEmail);
});

test("signing in takes a code once an authenticator is set up", async ({ page, site, consoleErrors }) => {
  consoleErrors.allow(/status of 401/);
  const person = await site.person();
  await signInAs(page, person);
  await page.goto("/account");
  await page.getByRole("button", { name: "Set up an authenticator" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Your password", { exact: true }).fill(person.account.password);
  await dialog.getByRole("button", { name: "Go on" }).click();
  await expect(dialog.getByRole("img", { name: "QR code for your authenticator" })).toBeVisible();
  await expectGoodPage(page, "security-totp-scan", dialog.getByText("Scan this"));
  const secret = await dialog.locator("code").innerText();
  await dialog.getByLabel("Code", { exact: true }).fill(totpCode(secret));
  await dialog.getByRole("button", { name: "Confirm" }).click();

  const codes = dialog.getByRole("list", { name: "Recovery codes" }).getByRole("listitem");
  await expect(codes.first()).toBeVisible();
  await expectGoodPage(page, "security-totp-codes", codes.first());
  const recoveryCode = await codes.first().innerText();
  const download = page.waitForEvent("download");
  await dialog.getByRole("link", { name: "Download" }).click();
  expect((await download).suggestedFilename()).toBe("backline-recovery-codes.txt");
  await dialog.getByRole("button", { name: "I have kept them" }).click();
  await expect(page.getByRole("region", { name: "Second step" })).toContainText("On");
  await expectGoodPage(page, "security-totp-on", page.getByRole("region", { name: "Second step" }));

  await signOut(page);
  await signInByForm(page, person);
  const code = page.getByLabel("Code", { exact: true });
  await expect(code).toBeFocused();
  await expectGoodPage(page, "sign-in-code");
  await code.fill("000000");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(code).toHaveAttribute("aria-invalid", "true");
  await expectGoodPage(page, "sign-in-code-refused");
  await code.fill(totpCode(secret, 1));
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("button", { name: "Menu of Ada Lind" })).toBeVisible();

  await signOut(page);
  await signInByForm(page, person);
  await code.fill(recoveryCode);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("button", { name: "Menu of Ada Lind" })).toBeVisible();

  await page.goto("/account");
  await page.getByRole("button", { name: "Turn off" }).click();
  const removal = page.getByRole("dialog", { name: "Turn off the second step?" });
  await removal.getByLabel("Your password", { exact: true }).fill(person.account.password);
  await removal.getByRole("button", { name: "Turn off" }).click();
  await expect(page.getByRole("region", { name: "Second step" })).toContainText("Off");
});

test("a forgotten password is replaced by the link of a letter", async ({ page, site, consoleErrors }) => {
  consoleErrors.allow(/status of (401|403)/);
  const person = await site.person();
  await page.goto("/sign-in");
  await expectGoodPage(page, "sign-in");
  await page.getByRole("link", { name: "Forgot your password?" }).click();
  await expect(page.getByRole("heading", { name: "Forgot your password?" })).toBeVisible();
  await expectGoodPage(page, "forgot-password");
  await page.getByLabel("Email").fill(person.account.email);
  await page.getByRole("button", { name: "Send the letter" }).click();
  await expect(page.getByText("If there is an account with this address")).toBeVisible();
  await expectGoodPage(page, "forgot-password-sent");

  const link = await site.linkFor(person.account.email, "reset-password");
  await page.goto(link);
  await expectGoodPage(page, "reset-password");
  await page.getByLabel("New password", { exact: true }).fill(NEW_PASSWORD);
  await page.getByRole("button", { name: "Change the password" }).click();
  await expect(page.getByRole("heading", { name: "Your password is changed" })).toBeVisible();
  await expectGoodPage(page, "reset-password-done");
  await page.getByRole("link", { name: "Sign in", exact: true }).last().click();
  await signInByForm(page, person, NEW_PASSWORD);
  await expect(page.getByRole("button", { name: "Menu of Ada Lind" })).toBeVisible();

  await page.goto(link);
  await page.getByLabel("New password", { exact: true }).fill(NEW_PASSWORD);
  await page.getByRole("button", { name: "Change the password" }).click();
  await expect(page.getByRole("link", { name: "Ask for another letter" })).toBeVisible();
  await expectGoodPage(page, "reset-password-spent");
});
