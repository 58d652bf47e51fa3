/** From the event into the cart, through the checkout, to the tickets. */
import { expectGoodPage, signInAs } from "./support/pages";
import { expect, test } from "./support/test";

test("a visitor fills a cart, signs in at the checkout and holds the tickets", async ({ page, site }) => {
  const event = await site.publishEvent({ name: "Lanterns on the Quay" });
  const buyer = await site.person({ firstName: "Bea", lastName: "Holm" });

  await page.goto(`/events/${event.id}`);
  await page.getByRole("button", { name: "One more" }).click();
  await page.getByRole("button", { name: "Add to cart" }).click();
  await expect(page.getByText("2 tickets added.")).toBeVisible();
  await expect(page.getByRole("link", { name: "Cart, 2 tickets" })).toBeVisible();

  await page.reload();
  await page.getByRole("link", { name: "Cart, 2 tickets" }).click();
  await expect(page.getByText("Total SEK 590.00")).toBeVisible();
  await expectGoodPage(page, "cart-visitor");

  await page.getByRole("link", { name: "Sign in to buy" }).click();
  await page.getByLabel("Email").fill(buyer.account.email);
  await page.getByLabel("Password", { exact: true }).fill(buyer.account.password);
  await page.getByRole("button", { name: "Sign in" }).click();

  await expect(page.getByText("The tickets are for Bea Holm")).toBeVisible();
  await expectGoodPage(page, "cart");
  await page.getByRole("button", { name: "Buy for SEK 590.00" }).click();

  await expect(page.getByRole("heading", { name: "You're in" })).toBeVisible();
  await expect(page.getByRole("img", { name: /QR code of ticket/ })).toHaveCount(2);
  await expect(page.getByRole("link", { name: "Cart, empty" })).toBeVisible();
  await expectGoodPage(page, "order-placed");

  await page.goto("/orders");
  await page.getByRole("link", { name: event.name }).click();
  await expect(page.getByText("Total SEK 590.00")).toBeVisible();
});

test("the cart can be changed, and holds twenty tickets at the most", async ({ page, site }) => {
  const first = await site.publishEvent({ name: "Lanterns on the Quay" });
  const second = await site.publishEvent({
    name: "Open Rehearsal",
    price: { amountMinor: 0, currency: "SEK" },
  });

  await page.goto(`/events/${first.id}`);
  await page.getByRole("spinbutton", { name: "Number of tickets" }).fill("18");
  await page.getByRole("button", { name: "Add to cart" }).click();
  await page.goto(`/events/${second.id}`);
  await page.getByRole("button", { name: "One more" }).click();
  await expect(page.getByRole("button", { name: "One more" })).toBeDisabled();
  await page.getByRole("button", { name: "Buy now" }).click();

  await expect(page.getByText("20 tickets, of at most 20")).toBeVisible();
  await page.getByRole("spinbutton", { name: "Tickets for Lanterns on the Quay" }).fill("1");
  await expect(page.getByText("Total SEK 295.00")).toBeVisible();
  await page.getByRole("button", { name: "Take Lanterns on the Quay out of the cart" }).click();
  await expect(page.getByText("Total Free")).toBeVisible();
  await page.getByRole("button", { name: "Take Open Rehearsal out of the cart" }).click();
  await expect(page.getByRole("heading", { name: "Your cart is empty" })).toBeVisible();
  await expectGoodPage(page, "cart-empty");
});

test("two currencies are two orders, and what is not bought stays", async ({ page, site }) => {
  const here = await site.publishEvent({ name: "Lanterns on the Quay" });
  const there = await site.publishEvent({
    name: "Winter Brass",
    price: { amountMinor: 4200, currency: "EUR" },
  });
  await signInAs(page, await site.person());
  for (const { id } of [here, there]) {
    await page.goto(`/events/${id}`);
    await page.getByRole("button", { name: "Add to cart" }).click();
  }
  await page.goto("/cart");
  await expect(page.getByText("Your cart is in SEK and EUR")).toBeVisible();
  await expectGoodPage(page, "cart-two-currencies");

  await page.getByRole("button", { name: "Buy for EUR 42.00" }).click();
  await expect(page.getByRole("heading", { name: "You're in" })).toBeVisible();
  await page.getByRole("link", { name: "Back to the cart" }).click();
  await expect(page.getByText("Total SEK 295.00")).toBeVisible();
  await expect(page.getByText("Winter Brass")).toBeHidden();
});

test("seats that go between cart and checkout are told at the line", async ({
  page,
  site,
  consoleErrors,
}) => {
  consoleErrors.allow(/status of 409/);
  const event = await site.publishEvent({ name: "Lanterns on the Quay", seats: 1 });
  await signInAs(page, await site.person());
  await page.goto(`/events/${event.id}`);
  await page.getByRole("button", { name: "Buy now" }).click();
  await expect(page.getByRole("button", { name: "Buy for SEK 295.00" })).toBeEnabled();

  const rival = await site.person();
  await rival.order(event.id);
  await page.getByRole("button", { name: "Buy for SEK 295.00" }).click();

  const line = page.getByRole("main").getByRole("listitem").filter({ hasText: event.name });
  await expect(line.getByRole("alert")).toContainText("Sold out");
  await expect(page.getByRole("button", { name: "Buy for SEK 295.00" })).toBeDisabled();
  await expectGoodPage(page, "cart-sold-out");
});

test("an order whose answer got lost is not placed twice", async ({ page, site, consoleErrors }) => {
  consoleErrors.allow(/ERR_|Failed to fetch/);
  const event = await site.publishEvent({ seats: 10 });
  const buyer = await site.person();
  await signInAs(page, buyer);
  await page.goto(`/events/${event.id}`);
  await page.getByRole("button", { name: "Buy now" }).click();

  // The server gets the order; its answer is cut off on the way back.
  const orders = "**/api/v1/orders";
  await page.route(orders, async (route) => {
    await route.fetch();
    await route.abort("connectionreset");
  });
  await page.getByRole("button", { name: /^Buy for/ }).click();
  await expect(page.getByText("nothing is bought twice")).toBeVisible();
  await expectGoodPage(page, "cart-no-answer");

  await page.unroute(orders);
  await page.reload();
  await page.getByRole("button", { name: /^Buy for/ }).click();
  await expect(page.getByRole("heading", { name: "You're in" })).toBeVisible();

  const { items } = await buyer.call<{ items: unknown[] }>("GET", "/orders");
  expect(items).toHaveLength(1);
});

test("who has bought nothing is shown the way", async ({ page, site }) => {
  await signInAs(page, await site.person());
  await page.goto("/orders");
  await expect(page.getByRole("heading", { name: "No orders yet" })).toBeVisible();
  await expectGoodPage(page, "orders-empty");
});
