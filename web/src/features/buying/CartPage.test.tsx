import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { session } from "../../api/session";
import { renderApp } from "../../testing/renderApp";
import { sampleEvent, sampleMe, sampleOrder } from "../../testing/samples";
import { answer, serveApi } from "../../testing/server";
import { cart, forgetCart } from "./cart";

const event = sampleEvent();
const ORDERS = "POST /api/v1/orders";

beforeEach(() => {
  localStorage.clear();
  forgetCart();
  session.end();
});
afterEach(() => vi.unstubAllGlobals());

/** A server with the event, somebody signed in, and what it says to an order. */
function serveShop(onOrder: (key: string | null, body: unknown) => Response) {
  session.begin("token");
  return serveApi({
    "GET /api/v1/users/me": () => answer(sampleMe()),
    [`GET /api/v1/events/${event.id}`]: () => answer(event),
    [`GET /api/v1/orders/${sampleOrder().id}`]: () => answer(sampleOrder()),
    [ORDERS]: ({ headers, body }) => onOrder(headers.get("idempotency-key"), body),
  });
}

const buyButton = () => screen.findByRole("button", { name: /^Buy for/ });

test("an order takes its lines out of the cart and shows the tickets", async () => {
  cart.add(event.id, 1);
  serveShop((_, body) => {
    expect(body).toEqual({
      lines: [{ eventId: event.id, quantity: 1 }],
      buyer: { name: "Ada Lind", email: "ada@example.org" },
    });
    return answer(sampleOrder(), 201);
  });
  renderApp("/cart");

  await userEvent.click(await buyButton());

  expect(await screen.findByRole("heading", { name: "You're in" })).toBeDefined();
  expect(screen.getByText("7KQ2-M9XD-4TBA-PR3W")).toBeDefined();
  expect(cart.lines).toEqual([]);
});

test("an order without an answer is sent again under the same key", async () => {
  cart.add(event.id, 2);
  const keys: (string | null)[] = [];
  serveShop((key) => {
    keys.push(key);
    if (keys.length === 1) throw new TypeError("connection reset");
    return answer(sampleOrder(), 201);
  });
  renderApp("/cart");

  await userEvent.click(await buyButton());
  expect(await screen.findByText(/nothing is bought twice/)).toBeDefined();
  expect(cart.quantityOf(event.id)).toBe(2);
  await userEvent.click(await buyButton());

  await screen.findByRole("heading", { name: "You're in" });
  expect(keys).toHaveLength(2);
  expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
  expect(keys[1]).toBe(keys[0]);
});

test("a changed cart is another order", async () => {
  cart.add(event.id, 1);
  const keys: (string | null)[] = [];
  serveShop((key) => {
    keys.push(key);
    throw new TypeError("connection reset");
  });
  renderApp("/cart");

  await userEvent.click(await buyButton());
  await screen.findByText(/nothing is bought twice/);
  await userEvent.click(screen.getByRole("button", { name: "One more" }));
  expect(screen.queryByText(/nothing is bought twice/)).toBeNull();
  await userEvent.click(await buyButton());

  await waitFor(() => expect(keys).toHaveLength(2));
  expect(keys[1]).not.toBe(keys[0]);
});

test("sold out is said at the line, and nothing is bought", async () => {
  cart.add(event.id, 1);
  serveShop(() => answer({ code: "event_sold_out", title: "Conflict", eventId: event.id }, 409));
  renderApp("/cart");

  await userEvent.click(await buyButton());

  const line = (await screen.findByRole("link", { name: event.name })).closest("li") as HTMLElement;
  expect((await within(line).findByRole("alert")).textContent).toContain("last seats were sold");
  expect(cart.quantityOf(event.id)).toBe(1);
});

test("a visitor is sent to sign in and back to the cart", async () => {
  cart.add(event.id, 1);
  serveApi({ [`GET /api/v1/events/${event.id}`]: () => answer(event) });
  renderApp("/cart");

  const link = await screen.findByRole("link", { name: "Sign in to buy" });
  expect(link.getAttribute("href")).toBe("/sign-in?return=%2Fcart");
  expect(screen.queryByRole("button", { name: /^Buy for/ })).toBeNull();
});

test("two currencies are told apart", async () => {
  const other = sampleEvent({ id: "other", name: "Brass", price: { amountMinor: 4200, currency: "EUR" } });
  cart.add(event.id, 1);
  cart.add(other.id, 1);
  serveApi({
    [`GET /api/v1/events/${event.id}`]: () => answer(event),
    "GET /api/v1/events/other": () => answer(other),
  });
  renderApp("/cart");

  expect(await screen.findByText("Your cart is in SEK and EUR")).toBeDefined();
});

test("an event that was taken down can be taken out", async () => {
  cart.add("gone", 1);
  serveApi({});
  renderApp("/cart");

  await userEvent.click(await screen.findByRole("button", { name: "Take it out" }));

  expect(await screen.findByRole("heading", { name: "Your cart is empty" })).toBeDefined();
});
