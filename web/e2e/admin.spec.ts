/** What an administrator does: people, roles, customers. */
import { expectGoodPage, signInAs } from "./support/pages";
import { expect, test } from "./support/test";

test("an administrator finds somebody, gives and takes roles, and stops the account", async ({
  page,
  site,
  consoleErrors,
}) => {
  consoleErrors.allow(/401/);
  const { customer } = await site.organiser();
  const person = await site.person({ firstName: "Petra", lastName: "Quist" });
  await signInAs(page, await site.admin());
  await page.goto("/admin/users");
  await expectGoodPage(page, "admin-users");

  await page.getByLabel("Search by email").fill("petra");
  await page.getByRole("button", { name: "Search", exact: true }).click();
  await expect(page.getByText("Enter the whole address.")).toBeVisible();
  await page.getByLabel("Search by email").fill(person.account.email);
  await page.getByRole("button", { name: "Search", exact: true }).click();
  await page.getByRole("link", { name: "Petra Quist" }).click();
  await expect(page.getByRole("heading", { name: "Petra Quist" })).toBeVisible();

  await page.getByRole("combobox", { name: "Give a role" }).fill("door");
  await page.getByRole("option", { name: "door" }).click();
  await page.getByRole("combobox", { name: "Where" }).fill(customer.name);
  await page.getByRole("option", { name: customer.name }).click();
  await page.getByRole("button", { name: "Give", exact: true }).click();
  const door = page.getByRole("listitem").filter({ hasText: "door" });
  await expect(door).toContainText(`In ${customer.name}`);
  await expectGoodPage(page, "admin-user", door);

  await door.getByRole("button", { name: /Take door/ }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Take the role" }).click();
  await expect(door).toHaveCount(0);

  await page.getByRole("button", { name: "Make a crew member" }).click();
  await page.getByLabel("Category").fill("sound");
  await page.getByRole("combobox", { name: "Skills" }).fill("mixing");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Save the crew data" }).click();
  await expect(page.getByRole("combobox", { name: "Type" })).toHaveValue("Crew");

  await page.getByRole("button", { name: "Deactivate" }).click();
  const dialog = page.getByRole("dialog", { name: "Deactivate this account?" });
  await expectGoodPage(page, "admin-deactivate-asked", dialog);
  await dialog.getByRole("button", { name: "Deactivate" }).click();
  await expect(page.getByRole("button", { name: "Activate", exact: true })).toBeVisible();
  const status = await page.evaluate(async ({ email, password }) => {
    const response = await fetch("/api/v1/auth/login", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ email, password }),
    });
    return response.status;
  }, person.account);
  expect(status).toBe(401);

  await page.getByRole("button", { name: "Delete the account" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete the account" }).click();
  await expect(page.getByRole("heading", { name: "Users" })).toBeVisible();
});

test("an administrator defines a role, gives it, and cannot delete it while it is held", async ({
  page,
  site,
  consoleErrors,
}) => {
  consoleErrors.allow(/409/);
  const admin = await site.admin();
  const person = await site.person({ firstName: "Rut", lastName: "Berg" });
  await signInAs(page, admin);
  await page.goto("/admin/roles");
  await expectGoodPage(page, "admin-roles");
  await page.getByRole("link", { name: "organiser-admin" }).first().click();
  await expect(page.getByRole("heading", { name: "organiser-admin" })).toBeVisible();
  await expect(page.getByText("Built in", { exact: true })).toBeVisible();
  await expectGoodPage(page, "admin-role-built-in");

  await page.goto("/admin/roles/new");
  const name = `merch-seller-${Date.now() % 100_000}`;
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Description").fill("Sells shirts at the stand.");
  const scope = (permission: string) =>
    page.getByRole("group", { name: `${permission}, how far it reaches` });
  await scope("events:read").getByRole("checkbox", { name: "Own customer" }).check();
  await scope("tickets:read").getByRole("checkbox", { name: "Everywhere" }).check();
  await scope("tickets:read").getByRole("checkbox", { name: "Own things" }).check();
  await expect(scope("tickets:read").getByRole("checkbox", { name: "Everywhere" })).not.toBeChecked();
  await expectGoodPage(page, "admin-role-new", scope("tickets:read"));
  await page.getByRole("button", { name: "Define the role" }).click();
  await expect(page.getByRole("heading", { name })).toBeVisible();

  await admin.call("POST", `/users/${person.id}/roles`, { role: name });
  await page.getByRole("button", { name: "Delete the role" }).click();
  const dialog = page.getByRole("dialog", { name: "Delete this role?" });
  await expect(async () => {
    await dialog.getByRole("button", { name: "Delete the role" }).click();
    await expect(dialog.getByRole("alert")).toContainText("is given");
  }).toPass();
  await expectGoodPage(page, "admin-role-in-use", dialog);
  await dialog.getByRole("button", { name: "Go back" }).click();

  await scope("events:update").getByRole("checkbox", { name: "Own customer" }).check();
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Saved")).toBeVisible();
  const role = await admin.call<{ permissions: string[] }>("GET", `/roles/${name}`);
  expect(role.permissions.sort()).toEqual(["events:read:own", "events:update:own", "tickets:read:self"]);
});

test("an administrator enters a customer, changes it and takes it out of service", async ({ page, site }) => {
  await signInAs(page, await site.admin());
  await page.goto("/admin/customers/new");
  const orgNumber = `88${Date.now() % 10_000_000_000}`;
  await page.getByLabel("Name", { exact: true }).fill("Rig & Sound");
  await page.getByLabel("Organisation number").fill(orgNumber);
  await page.getByRole("radio", { name: "Crew company" }).check();
  await expectGoodPage(page, "admin-customer-new");
  await page.getByRole("button", { name: "Enter the customer" }).click();
  await expect(page.getByRole("heading", { name: "Rig & Sound" })).toBeVisible();

  await page.getByLabel("Phone (optional)").fill("+46 31 123 45");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Saved")).toBeVisible();
  await page.getByRole("button", { name: "Deactivate" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Deactivate" }).click();
  await expect(page.getByText("Deactivated")).toBeVisible();
  await expectGoodPage(page, "admin-customer");

  await page.goto("/admin/customers");
  await page.getByLabel("Search customers").fill(orgNumber);
  await expect(page.getByRole("row", { name: "Quayside Concerts" })).toHaveCount(0);
  await expect(page.getByRole("row").filter({ hasText: orgNumber })).toContainText("Deactivated");
  await expectGoodPage(page, "admin-customers");
});

test("an administrator looks for an organiser's events", async ({ page, site }) => {
  const { customer } = await site.organiser();
  const event = await site.draftEvent();
  await signInAs(page, await site.admin());
  await page.goto("/organiser");
  await page.getByRole("combobox", { name: "Customer" }).fill(customer.name);
  await page.getByRole("option", { name: customer.name }).click();
  await expect(page).toHaveURL(new RegExp(customer.id));
  await expect(page.getByRole("link", { name: event.name })).toBeVisible();
  await expectGoodPage(page, "admin-organiser");
});
