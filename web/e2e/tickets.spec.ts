/** Tickets in the hand of their holder: found, shown, printed, given back. */
import { expectGoodPage, signInAs } from "./support/pages";
import { daysFromNow } from "./support/site";
import { expect, test } from "./support/test";

test("the holder finds the tickets, next event first, and the cancelled ones apart", async ({
  page,
  site,
}) => {
  const later = await site.publishEvent({
    name: "Winter Brass",
    startDate: daysFromNow(50),
    endDate: daysFromNow(51),
  });
  const sooner = await site.publishEvent({ name: "Lanterns on the Quay" });
  const holder = await site.person({ firstName: "Bea", lastName: "Holm" });
  await holder.order(later.id);
  const { tickets } = await holder.order(sooner.id, 2);
  await holder.call("DELETE", `/tickets/${tickets[1]?.code}`);

  await signInAs(page, holder);
  await page.goto("/tickets");
  const upcoming = page.getByRole("region", { name: "Upcoming" });
  await expect(upcoming.getByRole("heading", { level: 3 })).toHaveText([sooner.name, later.name]);
  const cancelled = page.getByRole("region", { name: "Cancelled" });
  await expect(cancelled.getByText(tickets[1]?.code ?? "")).toBeVisible();
  await expectGoodPage(page, "tickets");

  await page.goto("/orders");
  await expect(page.getByRole("row")).not.toHaveCount(0);
  await expectGoodPage(page, "orders");
});

test("a ticket shows its code and can be given back", async ({ page, site }) => {
  const event = await site.publishEvent({ name: "Lanterns on the Quay", seats: 3 });
  const holder = await site.person({ firstName: "Bea", lastName: "Holm" });
  const { tickets } = await holder.order(event.id);
  const code = tickets[0]?.code ?? "";

  await signInAs(page, holder);
  await page.goto(`/tickets/${code}`);
  const qr = page.getByRole("img", { name: `QR code of ticket ${code}` });
  await expect(qr).toBeVisible();
  await expect(page.getByText(code, { exact: true })).toBeVisible();
  await expect(page.getByText("Bea Holm", { exact: true })).toBeVisible();
  await expectGoodPage(page, "ticket", qr);

  await page.getByRole("button", { name: "Cancel this ticket" }).click();
  await expect(page.getByRole("dialog", { name: "Cancel this ticket?" })).toBeVisible();
  await expectGoodPage(page, "ticket-cancel-asked", page.getByRole("dialog"));
  await page.getByRole("button", { name: "Cancel the ticket" }).click();

  await expect(page.getByText("This ticket was cancelled")).toBeVisible();
  await expect(qr).toBeHidden();
  await expectGoodPage(page, "ticket-cancelled");
  await page.goto(`/events/${event.id}`);
  await expect(page.getByText("Only 3 left")).toBeVisible();
});

test("on paper each ticket has a page of its own, black on white", async ({ page, site }) => {
  const event = await site.publishEvent({ name: "Lanterns on the Quay" });
  const holder = await site.person();
  const { id } = await holder.order(event.id, 2);
  await signInAs(page, holder);
  await page.goto(`/orders/${id}`);
  await expect(page.getByRole("img", { name: /QR code/ })).toHaveCount(2);

  await page.emulateMedia({ media: "print" });
  await expect(page.getByRole("banner")).toBeHidden();
  await expect(page.getByRole("article").first()).toHaveCSS("background-color", "rgb(255, 255, 255)");
  await expect(page.getByRole("button", { name: "Print the tickets" })).toBeHidden();
  const pdf = await page.pdf({ preferCSSPageSize: true });
  const pages = pdf.toString("latin1").match(/\/Type\s*\/Page\b/g) ?? [];
  expect(pages).toHaveLength(2);
});

test("a ticket of somebody else is not there", async ({ page, site, consoleErrors }) => {
  consoleErrors.allow(/status of 40[34]|ProblemError/);
  const event = await site.publishEvent();
  const { tickets } = await (await site.person()).order(event.id);
  await signInAs(page, await site.person());
  await page.goto(`/tickets/${tickets[0]?.code}`);
  await expect(page.getByRole("img", { name: /QR code/ })).toHaveCount(0);
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
});

test("who has no tickets is shown the way", async ({ page, site }) => {
  await signInAs(page, await site.person());
  await page.goto("/tickets");
  await expect(page.getByRole("heading", { name: "No tickets yet" })).toBeVisible();
  await expectGoodPage(page, "tickets-empty");
});
