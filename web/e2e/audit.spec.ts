/** The audit log: what people did and were denied, read, filtered, explained and taken away. */
import { readFile } from "node:fs/promises";
import { expectGoodPage, signInAs } from "./support/pages";
import { expect, test } from "./support/test";

test("an administrator finds out what somebody was denied, why, and what would permit it", async ({
  page,
  site,
  consoleErrors,
  request,
}) => {
  consoleErrors.allow(/status of 40[13]/);
  const { customer } = await site.organiser();
  const admin = await site.admin();
  const person = await site.person({ firstName: "Disa", lastName: "Holm" });
  const login = await request.post("/api/v1/auth/login", {
    data: { email: person.account.email, password: person.account.password },
  });
  const { accessToken } = await login.json();
  for (let tries = 0; tries < 3; tries += 1) {
    const denied = await request.get(`/api/v1/customers/${customer.id}`, {
      headers: { authorization: `Bearer ${accessToken}` },
    });
    expect(denied.status()).toBe(403);
  }

  await signInAs(page, admin);
  await page.goto("/admin/audit");
  await expect(page.getByRole("heading", { name: "Audit log" })).toBeVisible();
  await expect(page.getByText("Signed in").first()).toBeVisible();
  await expectGoodPage(page, "audit");

  await page.getByLabel("Who").fill(person.account.email);
  await page.getByRole("button", { name: "Search", exact: true }).click();
  await expect(page).toHaveURL(/actor=disa/);
  await page.getByRole("combobox", { name: "Outcome" }).click();
  await page.getByRole("option", { name: "Denied" }).click();
  await expect(page).toHaveURL(/outcome=denied/);
  const denial = page.getByRole("button", { name: "Was not permitted: customers:read" }).first();
  await expect(async () => {
    await page.reload();
    await expect(denial).toBeVisible({ timeout: 2000 });
  }).toPass();
  await expectGoodPage(page, "audit-filtered");

  await denial.click();
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText("No role of the actor permits it.");
  await expect(dialog).toContainText("127.0.0.1");
  await expectGoodPage(page, "audit-entry", dialog);
  await dialog.getByRole("link", { name: "Check what would permit it now" }).click();

  await expect(page.getByRole("heading", { name: "Disa Holm may not" })).toBeVisible();
  await expect(page.getByText("organiser-member", { exact: true })).toBeVisible();
});

test("an administrator checks why somebody may do something, and looks for what is not on record", async ({
  page,
  site,
}) => {
  const { customer } = await site.organiser();
  const person = await site.person({ firstName: "Disa", lastName: "Holm" });
  await signInAs(page, await site.admin());
  await page.goto(`/admin/users/${person.id}`);
  await page.getByRole("link", { name: "Check a permission" }).click();
  await expect(page.getByLabel("Who")).toHaveValue(person.account.email);
  await page.getByRole("combobox", { name: "Where" }).fill(customer.name);
  await page.getByRole("option", { name: customer.name }).click();
  await page.getByRole("combobox", { name: "Permission" }).fill("customers:read");
  await page.getByRole("option", { name: "customers:read" }).click();
  await page.getByRole("button", { name: "Check", exact: true }).click();
  await expect(page.getByRole("heading", { name: "Disa Holm may not" })).toBeVisible();
  await expectGoodPage(page, "audit-permission");
  await page.getByRole("combobox", { name: "Permission" }).fill("customers:found");
  await page.getByRole("option", { name: "customers:found" }).click();
  await page.getByRole("button", { name: "Check", exact: true }).click();
  await expect(page.getByRole("heading", { name: "Disa Holm may", exact: true })).toBeVisible();
  await expect(page.getByText("That is enough.")).toBeVisible();

  await page.goto("/admin/audit?action=roles%3Adelete&to=2001-01-01");
  await expect(page.getByText("Nothing fits")).toBeVisible();
  await expectGoodPage(page, "audit-nothing");
});

test("the log is taken away as a file, which is on record as well", async ({ page, site }) => {
  const admin = await site.admin();
  await signInAs(page, admin);
  await page.goto(`/admin/audit?action=sessions%3A&outcome=done`);
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Export as CSV" }).click();
  const file = await download;
  expect(file.suggestedFilename()).toBe("audit.csv");
  const text = await readFile(await file.path(), "utf8");
  expect(text.split("\r\n")[0]).toContain("at,firstAt,service,action,outcome");
  expect(text).toContain(admin.account.email);

  await expect(async () => {
    await page.goto("/admin/audit?action=audit%3Aexport");
    await expect(page.getByText("Exported the audit log")).toBeVisible({ timeout: 2000 });
  }).toPass();
});
