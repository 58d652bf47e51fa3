import { MantineProvider } from "@mantine/core";
import { fireEvent, render, screen, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { type ChartPoint, TimeChart } from "./TimeChart";
import { countTicks, daysOf, runningTotals, timeScale } from "./timeScale";

const days: ChartPoint[] = [
  { start: "2026-10-23T22:00:00Z", value: 4, note: "SEK 400.00" },
  { start: "2026-10-24T22:00:00Z", value: 0 },
  { start: "2026-10-26T23:00:00Z", value: 6 },
];

function show() {
  render(
    <MantineProvider env="test">
      <TimeChart title="Tickets sold" points={days} bucket="day" timeZone="Europe/Stockholm" unit="tickets" />
    </MantineProvider>,
  );
  return screen.getByRole("slider", { name: "Tickets sold, point by point" });
}

test("the axis counts in round whole numbers up to the highest bar", () => {
  expect(countTicks(0)).toEqual([0, 1]);
  expect(countTicks(3)).toEqual([0, 1, 2, 3]);
  expect(countTicks(17)).toEqual([0, 5, 10, 15, 20]);
  expect(countTicks(4210)).toEqual([0, 2000, 4000, 6000]);
});

test("the line is the sum so far", () => {
  expect(runningTotals(days)).toEqual([4, 4, 10]);
});

test("points stand by their time, so a quiet day leaves a gap", () => {
  const scale = timeScale(days, "day", "Europe/Stockholm", 410);
  const [first, second, third] = days.map(({ start }) => scale.middleOf(start));
  expect((second ?? 0) - (first ?? 0)).toBeCloseTo(101.4, 0);
  expect((third ?? 0) - (second ?? 0)).toBeGreaterThan(190);
  expect(scale.nearest(0)).toBe(0);
  expect(scale.nearest(400)).toBe(2);
});

test("days keep their names over the night the clocks go back", () => {
  const week: ChartPoint[] = [
    { start: "2026-10-23T22:00:00Z", value: 1 },
    { start: "2026-10-28T23:00:00Z", value: 1 },
  ];
  const { ticks } = timeScale(week, "day", "Europe/Stockholm", 700);
  expect(ticks.map(({ label }) => label)).toEqual(
    ["24 Oct", "25 Oct", "26 Oct", "27 Oct", "28 Oct", "29 Oct", "30 Oct"].slice(0, ticks.length),
  );
});

test("hours are put together to the days of the event's zone", () => {
  const hours = ["2026-10-24T14:00:00Z", "2026-10-24T15:00:00Z", "2026-10-25T01:00:00Z"];
  const points = hours.map((start) => ({ start, value: 2 }));
  const days = daysOf(points, "Asia/Tokyo", (a, b) => ({ ...a, value: a.value + b.value }));
  expect(days).toEqual([
    { start: "2026-10-23T15:00:00.000Z", value: 2 },
    { start: "2026-10-24T15:00:00.000Z", value: 4 },
  ]);
});

test("hours are named at round hours of the event's zone", () => {
  const night: ChartPoint[] = [
    { start: "2026-12-05T15:30:00Z", value: 1 },
    { start: "2026-12-05T23:30:00Z", value: 1 },
  ];
  const { ticks } = timeScale(night, "hour", "Asia/Kolkata", 400);
  expect(ticks.map(({ label }) => label)).toEqual(["21:00", "6 Dec", "03:00", "06:00"]);
});

test("the arrow keys read one point after the other", () => {
  const reader = show();
  expect(reader.getAttribute("aria-valuetext")).toBe("Tue 27 Oct 2026: 6 tickets; 10 in all");
  fireEvent.change(reader, { target: { value: "0" } });
  expect(reader.getAttribute("aria-valuetext")).toBe("Sat 24 Oct 2026: 4 tickets, SEK 400.00; 4 in all");
});

test("every figure is in the table as well, and the zone is named", () => {
  show();
  const rows = within(screen.getByRole("table", { hidden: true })).getAllByRole("row", { hidden: true });
  expect(rows.map((row) => row.textContent)).toEqual([
    "DayTicketsIn all",
    "Sat 24 Oct 20264 (SEK 400.00)4",
    "Sun 25 Oct 202604",
    "Tue 27 Oct 2026610",
  ]);
  expect(screen.getByText("Times in GMT+2 (Stockholm)")).toBeDefined();
});

test("peaks are not added up", () => {
  render(
    <MantineProvider env="test">
      <TimeChart
        title="Waiting"
        points={days}
        bucket="hour"
        timeZone="Europe/Stockholm"
        unit="messages"
        figures="peaks"
      />
    </MantineProvider>,
  );
  const reader = screen.getByRole("slider", { name: "Waiting, point by point" });
  expect(reader.getAttribute("aria-valuetext")).toBe("Tue 27 Oct 2026, 00:00: 6 messages");
  expect(screen.getByText(/at most in/)).toBeDefined();
  expect(screen.queryByText(/in all/i)).toBeNull();
});
