/** The messages between services as who runs the installation sees them: what waits, and that nothing was given up. */
import { expectGoodPage, signInAs } from "./support/pages";
import { expect, test } from "./support/test";

test("an administrator sees how the messages of every service stand", async ({ page, site }) => {
  await site.organiser();
  await signInAs(page, await site.admin());
  await page.goto("/admin/messages");
  await expect(page.getByRole("heading", { name: "Messages", exact: true })).toBeVisible();
  const table = page.getByRole("table", { name: "Outboxes and consumers" });
  for (const name of ["audit.record", "users.provision_default_role", "roles.count_holder"]) {
    await expect(table.getByText(name, { exact: true })).toBeVisible();
  }
  await expect(page.getByText("Away")).toHaveCount(0);
  // A sample was taken at the start.
  await expect(page.getByRole("slider", { name: /^Waiting for / })).toBeAttached();
  await expectGoodPage(page, "messages");

  await page.getByRole("link", { name: "Broker" }).click();
  await expect(page.getByRole("heading", { name: "There is no broker" })).toBeVisible();
  await expectGoodPage(page, "messages-broker");

  await page.getByRole("link", { name: "Dead letters" }).click();
  await expect(page.getByRole("heading", { name: "No service gave anything up" })).toBeVisible();
  await page.getByRole("combobox", { name: "Consumer" }).fill("audit.record");
  await page.getByRole("option", { name: "audit.record" }).click();
  await expect(page).toHaveURL(/consumer=audit\.record/);
  await expect(page.getByRole("heading", { name: "Nothing was given up here" })).toBeVisible();
  await expectGoodPage(page, "messages-letters");
});

test("who may not look at messages finds no way there", async ({ page, site, consoleErrors }) => {
  consoleErrors.allow(/status of 403|not permitted/);
  await signInAs(page, await site.person());
  await page.goto("/admin/messages");
  await expect(page.getByRole("alert")).toContainText("not permitted");
  await expect(page.getByRole("link", { name: "Messages", exact: true })).toHaveCount(0);
});
