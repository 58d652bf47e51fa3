/** What programs outside gave up at the embedded broker, as who runs the installation sees it and settles it. */
import { expectGoodPage, signInAs } from "./support/pages";
import { giveUp } from "./support/subscriber";
import { expect, test } from "./support/test";

test.use({ hasBroker: true });

test("an administrator replays and drops what a program gave up", async ({ page, site, consoleErrors }) => {
  consoleErrors.allow(/status of 404/);
  const admin = await site.admin();
  await site.organiser();
  await giveUp(site.brokerPort, await admin.accessToken(), "tills", 3);
  await signInAs(page, admin);

  await page.goto("/admin/messages?part=broker");
  const toLetters = page.getByRole("link", { name: "3 dead letters of tills" });
  await expect(toLetters).toBeVisible();
  await expectGoodPage(page, "messages-broker-outside");
  await toLetters.press("Enter");
  await expect(page.getByRole("combobox", { name: "Consumer" })).toHaveValue("tills");
  await expect(page.getByText("no till is called that")).toHaveCount(3);
  await page.getByText("Show the message").first().click();
  await expect(page.getByLabel("The message").first()).toContainText('"specversion": "1.0"');
  await expectGoodPage(page, "messages-letters-outside");

  await page.getByRole("button", { name: "Replay", exact: true }).first().press("Enter");
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText("delivered again, before what is new");
  await expectGoodPage(page, "messages-letters-outside-replay");
  await dialog.getByRole("button", { name: "Replay" }).press("Enter");
  await expect(page.getByText("no till is called that")).toHaveCount(2);

  await page.getByRole("link", { name: "Dead letters" }).click();
  await expect(page.getByRole("heading", { name: "No service gave anything up" })).toBeVisible();
  const toRest = page.getByRole("link", { name: "2 dead letters of tills" });
  await expect(toRest).toBeVisible();
  await expectGoodPage(page, "messages-letters-of-services");
  await toRest.click();
  await page.getByRole("button", { name: "Drop all" }).click();
  await dialog.getByRole("button", { name: "Drop" }).click();
  await expect(page.getByRole("heading", { name: "Nothing was given up here" })).toBeVisible();
  await expectGoodPage(page, "messages-letters-outside-none");

  await page.goto("/admin/audit?action=messages:");
  for (const words of ["Replayed dead letters", "Dropped dead letters"]) {
    await expect(page.getByText(words).first()).toBeVisible();
  }

  await page.goto("/admin/messages?part=letters&stream=backline_events&consumer=gone");
  await expect(page.getByRole("alert")).toContainText("not at the broker any more");
  await expectGoodPage(page, "messages-letters-outside-gone");
});
