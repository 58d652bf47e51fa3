/** A visitor looks for an event and reads about it. */
import { randomUUID } from "node:crypto";
import { expectGoodPage } from "./support/pages";
import { daysFromNow } from "./support/site";
import { expect, test } from "./support/test";

test("a visitor finds an event by name, place, type and day", async ({ page, site }) => {
  const mark = `m${randomUUID().slice(0, 6)}`;
  await site.publishEvent({ name: `Winter Brass ${mark}`, location: "Konzerthaus, Berlin" });
  await site.publishEvent({ name: `Night Market ${mark}`, eventType: "festival" });
  const day = daysFromNow(60);
  await site.publishEvent({ name: `Open Rehearsal ${mark}`, startDate: day, endDate: daysFromNow(61) });

  await page.goto("/");
  const cards = page.getByRole("main").getByRole("listitem");
  await page.getByLabel("Search", { exact: true }).fill(mark);
  await expect(page).toHaveURL(new RegExp(`q=${mark}`));
  await expect(cards).toHaveCount(3);
  await expectGoodPage(page, "catalogue", cards.first());

  const filters = page.getByRole("button", { name: "Place, type and dates" });
  if (await filters.isVisible()) await filters.click();

  await page.getByLabel("Place").fill("berlin");
  await expect(cards).toHaveCount(1);
  await expect(cards).toContainText("Winter Brass");
  await page.getByLabel("Place").fill("");

  await page.getByLabel("Type").selectOption("Festival");
  await expect(cards).toHaveCount(1);
  await expect(cards).toContainText("Night Market");
  await page.getByLabel("Type").selectOption("Any");

  await page.getByLabel("From").fill(day.slice(0, 10));
  await expect(cards).toHaveCount(1);
  await expect(cards).toContainText("Open Rehearsal");
  await expectGoodPage(page, "catalogue-filtered", cards.first());

  await page.reload();
  await expect(page.getByLabel("From")).toHaveValue(day.slice(0, 10));
  await expect(cards).toHaveCount(1);

  await page.getByLabel("Search", { exact: true }).fill("nobody plays this");
  await expect(page.getByRole("heading", { name: "No event fits" })).toBeVisible();
  await expectGoodPage(page, "catalogue-nothing-fits");
  await page.getByRole("link", { name: "Show all events" }).click();
  await expect(page.getByLabel("Search", { exact: true })).toHaveValue("");
});

test("a long list goes on as it is scrolled", async ({ page, site }) => {
  const mark = `m${randomUUID().slice(0, 6)}`;
  for (let number = 0; number < 30; number++) {
    await site.publishEvent({ name: `Evening ${mark} ${number}` });
  }
  await page.goto(`/?q=${mark}`);
  const cards = page.getByRole("main").getByRole("listitem");
  await expect(cards.first()).toBeVisible();
  await page.mouse.wheel(0, 20_000);
  await expect(cards).toHaveCount(30);
});

test("an event says when it is at the venue, what it costs and what is left", async ({ page, site }) => {
  const event = await site.publishEvent({
    name: "Night Market Sessions",
    timeZone: "Asia/Tokyo",
    location: "Shibuya Yard, Tokyo",
    price: { amountMinor: 6800, currency: "JPY" },
    seats: 40,
    details: { doorsOpen: "02:00", bands: ["Kites", "Low Tide"], wheelchairs: true },
  });
  await page.goto(`/events/${event.id}`);

  await expect(page.getByRole("heading", { name: event.name })).toBeVisible();
  await expect(page.getByText(/03:00 – 07:00 GMT\+9 \(Tokyo\)/)).toBeVisible();
  await expect(page.getByText("JPY 6,800").first()).toBeVisible();
  await expect(page.getByText("40 seats left")).toBeVisible();
  await expect(page.getByText("Low Tide")).toBeVisible();
  await expectGoodPage(page, "event", page.getByRole("button", { name: "Buy now" }));
});

test("seats that are sold elsewhere are seen to go", async ({ page, site }) => {
  const event = await site.publishEvent({ seats: 2 });
  await page.goto(`/events/${event.id}`);
  await expect(page.getByText("Only 2 left")).toBeVisible();

  const rival = await site.person();
  await rival.order(event.id, 2);

  await expect(page.getByText("Sold out")).toBeVisible({ timeout: 20_000 });
  await expect(page.getByRole("button", { name: "Buy now" })).toBeHidden();
  await expectGoodPage(page, "event-sold-out");
});

test("a cancelled event says so", async ({ page, site }) => {
  const event = await site.publishEvent();
  await site.setStatus(event.id, "cancelled");
  await page.goto(`/events/${event.id}`);
  await expect(page.getByText("This event is cancelled")).toBeVisible();
  await expect(page.getByRole("button", { name: "Buy now" })).toBeHidden();
  await expectGoodPage(page, "event-cancelled");
});

test("an event that is not there is told kindly", async ({ page, site, consoleErrors }) => {
  consoleErrors.allow(/status of 404|ProblemError/);
  await site.organiser();
  await page.goto(`/events/${randomUUID()}`);
  await expect(page.getByRole("heading", { name: "There is nothing here" })).toBeVisible();
  await expectGoodPage(page, "event-not-found");
});

test("a catalogue that cannot be loaded offers another try", async ({ page, site, consoleErrors }) => {
  consoleErrors.allow(/status of 500/);
  const event = await site.publishEvent();
  const failing = "**/api/v1/events?*";
  await page.route(failing, (route) =>
    route.fulfill({
      status: 500,
      contentType: "application/problem+json",
      body: JSON.stringify({ title: "Internal error", status: 500, code: "internal", traceId: "4bf92f35" }),
    }),
  );
  await page.goto(`/?q=${encodeURIComponent(event.name)}`);
  await expect(page.getByRole("alert")).toContainText("4bf92f35");
  await expectGoodPage(page, "catalogue-error");

  await page.unroute(failing);
  await page.getByRole("button", { name: "Try again" }).click();
  await expect(page.getByRole("link", { name: event.name })).toBeVisible();
});
