/** A new installation: nothing is there, the printed link leads to its first administrator. */
import { expectGoodPage } from "./support/pages";
import { newAccount } from "./support/site";
import { expect, test } from "./support/test";

test("an empty installation says what to do, and its link makes the administrator", async ({
  page,
  freshSite,
}) => {
  await page.goto(freshSite.url);
  await expect(page.getByRole("heading", { name: "Nothing is on sale yet" })).toBeVisible();
  await expect(page.getByText("Open the link the server printed")).toBeVisible();
  await expectGoodPage(page, "first-run");

  await page.goto(`${freshSite.url}/setup?token=${encodeURIComponent(await freshSite.setupToken())}`);
  await expect(page.getByRole("heading", { name: "Welcome to Backline" })).toBeVisible();
  await expectGoodPage(page, "setup");

  const { email, password } = newAccount();
  await page.getByLabel("First name").fill("Astrid");
  await page.getByLabel("Last name").fill("Berg");
  await page.getByLabel("Email").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Finish the setup" }).click();

  await expect(page.getByRole("button", { name: "Menu of Astrid Berg" })).toBeVisible();
  await expect(page.getByRole("heading", { name: "Events", exact: true })).toBeVisible();

  await page.goto(`${freshSite.url}/setup?token=spent`);
  await expect(page.getByRole("heading", { name: "Backline is set up" })).toBeVisible();
});

test("a wrong setup token makes nobody", async ({ page, freshSite, consoleErrors }) => {
  consoleErrors.allow(/status of 4\d\d/);
  await page.goto(`${freshSite.url}/setup?token=not-the-one`);
  await page.getByLabel("First name").fill("Eve");
  await page.getByLabel("Last name").fill("Moss");
  await page.getByLabel("Email").fill("eve@example.org");
  await page.getByLabel("Password", { exact: true }).fill("a password long enough");
  await page.getByRole("button", { name: "Finish the setup" }).click();

  await expect(page.getByRole("alert")).toBeVisible();
  await expect(page.getByRole("heading", { name: "Welcome to Backline" })).toBeVisible();
});
