/** The reference of the API, for somebody who has no account. */
import { expectGoodPage } from "./support/pages";
import { expect, test } from "./support/test";

test("a developer finds an operation, its parts and an example call", async ({ page }) => {
  await page.goto("/docs");
  await expect(page.getByRole("heading", { name: "API reference" })).toBeVisible();
  await expectGoodPage(page, "docs");

  await page.getByLabel("Search the reference").fill("check-in");
  await expect(page.getByRole("status").filter({ hasText: "1 operation" })).toBeVisible();
  await expect(page).toHaveURL(/q=check-in/);
  const operation = page.getByRole("group").filter({ hasText: "/api/v1/tickets/{code}/check-in" });
  await operation.locator("summary").click();
  await expect(operation.getByText(/curl -X POST/)).toContainText("/api/v1/tickets/<code>/check-in");
  await expectGoodPage(page, "docs-operation");

  await operation.getByRole("link", { name: "Ticket", exact: true }).first().click();
  await expect(page).toHaveURL(/#schema-Ticket$/);
});

test("a link leads to an operation, and a schema leads to the next", async ({ page }) => {
  await page.goto("/docs#schema-Event");
  const event = page.locator("#schema-Event");
  await expect(event.getByText("timeZone", { exact: true })).toBeVisible();
  await event.getByRole("link", { name: "Money" }).first().click();
  await expect(page.locator("#schema-Money").getByText("amountMinor", { exact: true })).toBeVisible();
  await expect(page.locator("#schema-Money")).toBeInViewport();
});
