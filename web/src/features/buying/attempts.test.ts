import { beforeEach, expect, test } from "vitest";
import { attemptKey, settleAttempt } from "./attempts";

beforeEach(() => localStorage.clear());

const buyer = { name: "Ada Lind", email: "ada@example.org" };
const order = (quantity: number) => ({ lines: [{ eventId: "a", quantity }], buyer });

test("the same order keeps its key until it is answered", () => {
  const key = attemptKey("ada", order(2));
  expect(attemptKey("ada", order(2))).toBe(key);

  settleAttempt(key);
  expect(attemptKey("ada", order(2))).not.toBe(key);
});

test("another cart and another buyer have keys of their own", () => {
  const key = attemptKey("ada", order(2));
  expect(attemptKey("ada", order(3))).not.toBe(key);
  expect(attemptKey("bea", order(2))).not.toBe(key);
  expect(attemptKey("ada", order(2))).toBe(key);
});

test("a day later the same lines mean a new wish", () => {
  const key = attemptKey("eve", order(2), 0);
  expect(attemptKey("eve", order(2), 23 * 3_600_000)).toBe(key);
  expect(attemptKey("eve", order(2), 25 * 3_600_000)).not.toBe(key);
});
