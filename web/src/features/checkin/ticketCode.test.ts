import { expect, test } from "vitest";
import { readTicketCode } from "./ticketCode";

test("a code is read however it was typed", () => {
  expect(readTicketCode("7KQ2-M9XD-4TBA-PR3W")).toBe("7KQ2-M9XD-4TBA-PR3W");
  expect(readTicketCode(" 7kq2m9xd4tbapr3w\n")).toBe("7KQ2-M9XD-4TBA-PR3W");
  expect(readTicketCode("7KQ2 M9XD 4TBA PR3W")).toBe("7KQ2-M9XD-4TBA-PR3W");
  expect(readTicketCode("OKQ2-M9XD-4TBA-PRIL")).toBe("0KQ2-M9XD-4TBA-PR11");
  expect(readTicketCode("https://tickets.example.org/t/7KQ2-M9XD-4TBA-PR3W")).toBe("7KQ2-M9XD-4TBA-PR3W");
});

test("anything else is no code", () => {
  expect(readTicketCode("")).toBeNull();
  expect(readTicketCode("7KQ2-M9XD-4TBA-PR3")).toBeNull();
  expect(readTicketCode("7KQ2-M9XD-4TBA-PR3U")).toBeNull();
  expect(readTicketCode("4006381333931")).toBeNull();
  expect(readTicketCode("https://example.org/")).toBeNull();
});
