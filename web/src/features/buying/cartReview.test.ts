import { expect, test } from "vitest";
import { ProblemError } from "../../api/problem";
import { sampleEvent } from "../../testing/samples";
import { lineProblem, readRefusal } from "./cartReview";

const line = (fields: Parameters<typeof sampleEvent>[0], quantity = 1) => {
  const event = sampleEvent(fields);
  return { eventId: event.id, event, quantity };
};

test("a line says why its tickets cannot be had", () => {
  expect(lineProblem(line({ seatsLeft: 5 }, 2))).toBeNull();
  expect(lineProblem(line({ seatsLeft: 1 }, 2))).toBe("Only 1 left. Take fewer.");
  expect(lineProblem(line({ seatsLeft: 0 }))).toContain("Sold out");
  expect(lineProblem(line({ status: "cancelled" }))).toContain("cancelled");
  expect(lineProblem(line({ endDate: "2020-01-01T00:00:00Z" }))).toContain("over");
});

test("a refusal is laid at the line it is about", () => {
  const lines = [
    { eventId: "0198-a", quantity: 1 },
    { eventId: "0198-b", quantity: 1 },
  ];
  const refused = (fields: object, of = lines) =>
    readRefusal(new ProblemError({ status: 409, code: "event_sold_out", ...fields }), of)?.eventId;

  expect(refused({ eventId: "0198-b" })).toBe("0198-b");
  expect(refused({ detail: "event `0198-b` has not enough seats left" })).toBe("0198-b");
  expect(refused({ errors: [{ field: "lines[1].eventId", message: "" }] })).toBe("0198-b");
  expect(refused({ errors: [{ field: "lines.0.quantity", message: "" }] })).toBe("0198-a");
  expect(refused({}, lines.slice(0, 1))).toBe("0198-a");
  expect(refused({})).toBeUndefined();
  expect(refused({ code: "too_many_tickets", eventId: "0198-a" })).toBeUndefined();
});
