/** At the door: good codes and bad ones, without network, and by camera. */
import { writeFile } from "node:fs/promises";
import { chromium, type Page } from "@playwright/test";
import type { Event } from "../src/api/types";
import { expectGoodPage, signInAs } from "./support/pages";
import { filmQrCode } from "./support/qrVideo";
import type { Person, Site } from "./support/site";
import { expect, test } from "./support/test";

test("someone at the door lets guests in, and bad codes stop nothing", async ({
  page,
  site,
  consoleErrors,
}) => {
  consoleErrors.allow(/404|409/);
  const { event, codes } = await soldEvent(site, 3);
  const keeper = await doorKeeper(site);
  await signInAs(page, keeper);
  await page.goto("/check-in");
  await expectGoodPage(page, "check-in-choose");
  await page.getByRole("link", { name: new RegExp(event.name) }).click();
  await expect(page.getByLabel("Ticket code")).toBeFocused();
  await expectGoodPage(page, "check-in-ready");

  await scan(page, codes[0]);
  await expect(verdict(page)).toContainText("Come in");
  await expect(verdict(page)).toContainText("Gun Alm");
  await expectGoodPage(page, "check-in-in");

  await scan(page, codes[0]);
  await expect(verdict(page)).toContainText("Already in");
  await expect(verdict(page)).toContainText("by you");
  await expectGoodPage(page, "check-in-already");

  await scan(page, "BEGIN:VCARD");
  await expect(verdict(page)).toContainText("Not a ticket");
  await scan(page, "0000-0000-0000-0000");
  await expect(verdict(page)).toContainText("Unknown ticket");
  await expectGoodPage(page, "check-in-unknown");

  await scan(page, codes[1]?.toLowerCase().replaceAll("-", ""));
  await expect(verdict(page)).toContainText("Come in");
  await expect(page.getByText("of 3 in")).toBeVisible();
  await expect(page.getByRole("listitem").filter({ hasText: "Unknown ticket" })).toHaveCount(1);
});

test("cancelled tickets and those for another event are turned away", async ({
  page,
  site,
  consoleErrors,
}) => {
  consoleErrors.allow(/409/);
  const { event, codes, guest } = await soldEvent(site, 2);
  const other = await soldEvent(site, 1);
  await guest.call("DELETE", `/tickets/${codes[0]}`);
  await signInAs(page, await doorKeeper(site));
  await page.goto(`/check-in/${event.id}`);

  await scan(page, codes[0]);
  await expect(verdict(page)).toContainText("Cancelled");
  await scan(page, other.codes[0]);
  await expect(verdict(page)).toContainText("Other event");
  await expect(verdict(page)).toContainText(other.event.name);
  await expectGoodPage(page, "check-in-other-event");
  const { person } = await site.organiser();
  const ticket = await person.call<{ status: string }>("GET", `/tickets/${other.codes[0]}`);
  expect(ticket.status).toBe("valid");

  await scan(page, codes[1]);
  await expect(verdict(page)).toContainText("Come in");
  await expect(page.getByText("1 of 1 in")).toBeVisible();
});

test("scans without network wait on the device and are checked when it is back", async ({
  page,
  site,
  consoleErrors,
}) => {
  consoleErrors.allow(/409|ERR_INTERNET_DISCONNECTED/);
  const { event, codes, guest } = await soldEvent(site, 2);
  const keeper = await doorKeeper(site);
  await signInAs(page, keeper);
  await page.goto(`/check-in/${event.id}`);
  await expect(page.getByLabel("Ticket code")).toBeFocused();

  await page.context().setOffline(true);
  await expect(page.getByText("No network.")).toBeVisible();
  await scan(page, codes[0]);
  await expect(verdict(page)).toContainText("Not checked yet");
  await scan(page, codes[1]);
  await expect(page.getByText(/2 scans kept on this device/)).toBeVisible();
  await expectGoodPage(page, "check-in-offline");
  await guest.call("DELETE", `/tickets/${codes[1]}`);

  await page.context().setOffline(false);
  const history = page.getByRole("listitem");
  await expect(history.filter({ hasText: codes[0] })).toContainText("Come in");
  await expect(history.filter({ hasText: codes[1] })).toContainText("Cancelled");
  await expect(page.getByText(/kept on this device/)).toHaveCount(0);
});

test("what waits outlasts the page", async ({ page, site, consoleErrors }) => {
  // 409: on a slow machine the answer may come too late, and the scan is sent once more.
  consoleErrors.allow(/409|ERR_INTERNET_DISCONNECTED/);
  const { event, codes } = await soldEvent(site, 1);
  const keeper = await doorKeeper(site);
  await signInAs(page, keeper);
  await page.goto(`/check-in/${event.id}`);
  await expect(page.getByLabel("Ticket code")).toBeFocused();
  await page.context().setOffline(true);
  await scan(page, codes[0]);
  await expect(verdict(page)).toContainText("Not checked yet");

  await page.goto("about:blank");
  await page.context().setOffline(false);
  await page.goto(`/check-in/${event.id}`);
  await expect(page.getByRole("listitem").filter({ hasText: codes[0] })).toContainText("Come in");
});

test("the camera reads the code on a ticket", async ({ page, site }, testInfo) => {
  test.skip(testInfo.project.name !== "desktop", "the size of the page makes no difference to a camera");
  const { event, codes } = await soldEvent(site, 1);
  const keeper = await doorKeeper(site);
  const film = testInfo.outputPath("ticket.y4m");
  await writeFile(film, await filmQrCode(page, codes[0] ?? ""));

  const { launchOptions, viewport } = testInfo.project.use;
  const browser = await chromium.launch({
    ...launchOptions,
    args: [
      ...(launchOptions?.args ?? []),
      "--use-fake-ui-for-media-stream",
      "--use-fake-device-for-media-stream",
      `--use-file-for-fake-video-capture=${film}`,
    ],
  });
  try {
    const context = await browser.newContext({ baseURL: site.url, viewport: viewport ?? null });
    const door = await context.newPage();
    await signInAs(door, keeper);
    await door.goto(`/check-in/${event.id}`);
    await door.getByRole("button", { name: "Scan with the camera" }).click();
    await expect(verdict(door)).toContainText("Come in", { timeout: 30_000 });
    await expect(verdict(door)).toContainText(codes[0] ?? "");
    await expectGoodPage(door, "check-in-camera");
  } finally {
    await browser.close();
  }
});

test("who is at no door is told so", async ({ page, site }) => {
  await site.admin();
  const guest = await site.person();
  await signInAs(page, guest);
  await page.goto("/check-in");
  await expect(page.getByRole("heading", { name: "You are not at a door" })).toBeVisible();
  await expectGoodPage(page, "check-in-nobody");
});

interface SoldEvent {
  event: Event;
  codes: string[];
  guest: Person;
}

async function soldEvent(site: Site, quantity: number): Promise<SoldEvent> {
  const event = await site.publishEvent();
  const guest = await site.person({ firstName: "Gun", lastName: "Alm" });
  const { tickets } = await guest.order(event.id, quantity);
  return { event, guest, codes: tickets.map(({ code }) => code) };
}

async function doorKeeper(site: Site): Promise<Person> {
  const { person, customer } = await site.organiser();
  const keeper = await site.person({ firstName: "Dora", lastName: "Dahl" });
  const grant = { role: "door", customerId: customer.id };
  const admin = await site.admin();
  await admin.call("POST", `/users/${keeper.id}/roles`, grant);
  await person.call("GET", "/users/me");
  return keeper;
}

async function scan(page: Page, code: string | undefined) {
  await expect(page.getByLabel("Ticket code")).toBeFocused();
  await page.keyboard.type(code ?? "");
  await page.keyboard.press("Enter");
}

function verdict(page: Page) {
  return page.locator("[data-tone][aria-live]");
}
