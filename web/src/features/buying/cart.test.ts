import { beforeEach, expect, test, vi } from "vitest";
import { cart, countTickets, forgetCart, TICKETS_MAX } from "./cart";

beforeEach(() => {
  localStorage.clear();
  forgetCart();
});

test("the same event is added to, not listed twice", () => {
  cart.add("a", 2);
  cart.add("b", 1);
  cart.add("a", 1);
  expect(cart.lines).toEqual([
    { eventId: "a", quantity: 3 },
    { eventId: "b", quantity: 1 },
  ]);
});

test("the cart outlives a reload", () => {
  cart.add("a", 2);
  forgetCart();
  expect(cart.lines).toEqual([{ eventId: "a", quantity: 2 }]);
});

test("it never holds more than an order may have", () => {
  cart.add("a", 15);
  cart.add("b", 15);
  expect(cart.quantityOf("b")).toBe(5);
  expect(countTickets(cart.lines)).toBe(TICKETS_MAX);
  expect(cart.roomFor()).toBe(0);
  expect(cart.roomFor("b")).toBe(5);
});

test("none of an event takes it out", () => {
  cart.add("a", 2);
  cart.set("a", 0);
  expect(cart.lines).toEqual([]);
});

test("what is stored and not sound is not taken", () => {
  for (const stored of ["{", '"a"', '[{"eventId":1,"quantity":1}]', '[{"eventId":"a","quantity":900}]']) {
    localStorage.setItem("backline.cart", stored);
    forgetCart();
    expect(cart.lines).toEqual([]);
  }
});

test("without storage the cart lasts as long as the page", () => {
  const setItem = vi.spyOn(Storage.prototype, "setItem").mockImplementation(() => {
    throw new Error("blocked");
  });
  cart.add("a", 1);
  expect(cart.quantityOf("a")).toBe(1);
  setItem.mockRestore();
});
