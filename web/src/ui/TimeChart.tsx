/**
 * What happened over time: a bar for each hour or day, and a line for the sum so far, unless the figures are
 * peaks, which add up to nothing.
 *
 * The axis is in the zone it is given and says which. A point can be read with the pointer, with
 * the arrow keys (a slider for assistive technology) and as a row of the table underneath.
 */
import { Table, Text } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { type PointerEvent, useId, useState } from "react";
import { formatCount, formatEventClock, formatEventDate, formatZone } from "./format";
import styles from "./TimeChart.module.css";
import { type Bucket, countTicks, runningTotals, type TimePoint, timeScale } from "./timeScale";

export interface ChartPoint extends TimePoint {
  /** Said after the count: "SEK 2,950.00". */
  note?: string;
}

interface TimeChartProps {
  title: string;
  points: ChartPoint[];
  bucket: Bucket;
  timeZone: string;
  /** What is counted, in the plural: "tickets". */
  unit: string;
  /** Whether a point says how many there were in its time, or how many there were at most at once. */
  figures?: "counts" | "peaks";
}

const HEIGHT = 260;
const MARGIN = { top: 12, right: 48, bottom: 30, left: 44 };
/** Before the first measurement, and where nothing is measured. */
const WIDTH_DEFAULT = 640;

export function TimeChart(props: TimeChartProps) {
  const { title, points, bucket, timeZone, unit, figures = "counts" } = props;
  const hasTotals = figures === "counts";
  const { ref, width: measured } = useElementSize();
  const titleId = useId();
  const [active, setActive] = useState<number | null>(null);
  const totals = hasTotals ? runningTotals(points) : [];
  const width = Math.max(measured || WIDTH_DEFAULT, MARGIN.left + MARGIN.right + 100);
  const plot = { width: width - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom };
  const scale = timeScale(points, bucket, timeZone, plot.width);
  const counts = countTicks(Math.max(...points.map(({ value }) => value)));
  const sums = hasTotals ? countTicks(totals.at(-1) ?? 0) : [];
  const heightOf = (value: number, ticks: number[]) => (value / (ticks.at(-1) ?? 1)) * plot.height;
  const words = points.map((point, index) => wordsFor(point, totals[index], bucket, timeZone, unit));
  const zone = formatZone(points[0]?.start ?? new Date(), timeZone);

  const follow = (event: PointerEvent<SVGSVGElement>) => {
    const left = event.currentTarget.getBoundingClientRect().left + MARGIN.left;
    setActive(scale.nearest(event.clientX - left));
  };
  const shown = active === null ? undefined : points[active];

  return (
    <figure className={styles.figure} aria-labelledby={titleId}>
      <figcaption className={styles.caption}>
        <Text id={titleId} fw={600} component="span">
          {title}
        </Text>
        <span className={styles.legend}>
          <span className={styles.barKey} /> {unit} {hasTotals ? "" : "at most in "}
          {bucket === "day" ? "a day" : "an hour"}
        </span>
        {hasTotals && (
          <span className={styles.legend}>
            <span className={styles.lineKey} /> {unit} in all
          </span>
        )}
      </figcaption>
      <div ref={ref} className={styles.stage}>
        <input
          type="range"
          className={styles.reader}
          aria-label={`${title}, point by point`}
          min={0}
          max={points.length - 1}
          value={active ?? points.length - 1}
          aria-valuetext={words[active ?? points.length - 1]}
          onChange={(event) => setActive(event.currentTarget.valueAsNumber)}
          onFocus={() => setActive((current) => current ?? points.length - 1)}
          onBlur={() => setActive(null)}
        />
        <svg
          className={styles.svg}
          width={width}
          height={HEIGHT}
          viewBox={`0 0 ${width} ${HEIGHT}`}
          aria-hidden="true"
          onPointerMove={follow}
          onPointerDown={follow}
          onPointerLeave={() => setActive(null)}
        >
          <g transform={`translate(${MARGIN.left} ${MARGIN.top})`}>
            {counts.map((count) => {
              const y = plot.height - heightOf(count, counts);
              return (
                <g key={count} transform={`translate(0 ${y})`}>
                  <line x2={plot.width} className={styles.grid} />
                  <text x={-8} dy="0.32em" textAnchor="end" className={styles.label}>
                    {formatCount(count)}
                  </text>
                </g>
              );
            })}
            {sums.map((sum) => (
              <text
                key={sum}
                x={plot.width + 8}
                y={plot.height - heightOf(sum, sums)}
                dy="0.32em"
                className={`${styles.label} ${styles.sumLabel}`}
              >
                {formatCount(sum)}
              </text>
            ))}
            {scale.ticks.map(({ at, label }) => (
              <g key={at} transform={`translate(${at} ${plot.height})`}>
                <line y2={5} className={styles.grid} />
                <text y={20} textAnchor="middle" className={styles.label}>
                  {label}
                </text>
              </g>
            ))}
            {points.map(({ start, value }, index) => {
              const height = heightOf(value, counts);
              return (
                <rect
                  key={start}
                  x={scale.barAt(start)}
                  y={plot.height - height}
                  width={scale.barWidth}
                  height={height}
                  rx={Math.min(3, scale.barWidth / 3)}
                  className={index === active ? styles.barActive : styles.bar}
                />
              );
            })}
            {hasTotals && (
              <polyline
                className={styles.line}
                points={points
                  .map(({ start }, index) => {
                    const y = plot.height - heightOf(totals[index] ?? 0, sums);
                    return `${scale.middleOf(start)},${y}`;
                  })
                  .join(" ")}
              />
            )}
            {hasTotals && points.length === 1 && (
              <circle
                cx={scale.middleOf(points[0]?.start ?? "")}
                cy={plot.height - heightOf(totals[0] ?? 0, sums)}
                r={4.5}
                className={styles.dot}
              />
            )}
            {shown && active !== null && (
              <g transform={`translate(${scale.middleOf(shown.start)} 0)`}>
                <line y2={plot.height} className={styles.cursor} />
                {hasTotals && (
                  <circle
                    cy={plot.height - heightOf(totals[active] ?? 0, sums)}
                    r={4.5}
                    className={styles.dot}
                  />
                )}
              </g>
            )}
          </g>
        </svg>
        {shown && active !== null && (
          <div
            className={styles.tooltip}
            aria-hidden="true"
            style={tooltipPlace(scale.middleOf(shown.start) + MARGIN.left, width)}
          >
            <b>{nameOf(shown.start, bucket, timeZone)}</b>
            <span>
              {formatCount(shown.value)} {unit}
              {shown.note && `, ${shown.note}`}
            </span>
            {hasTotals && <span>{formatCount(totals[active] ?? 0)} in all</span>}
          </div>
        )}
      </div>
      <Text size="xs" c="dimmed">
        Times in {zone}
      </Text>
      <details className={styles.details}>
        <summary>Show the figures as a table</summary>
        <div className={styles.tableBox}>
          <Table>
            <caption className={styles.hidden}>{title}</caption>
            <Table.Thead>
              <Table.Tr>
                <Table.Th scope="col">{bucket === "day" ? "Day" : "Hour"}</Table.Th>
                <Table.Th scope="col" ta="right">
                  {capitalised(unit)}
                </Table.Th>
                {hasTotals && (
                  <Table.Th scope="col" ta="right">
                    In all
                  </Table.Th>
                )}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {points.map(({ start, value, note }, index) => (
                <Table.Tr key={start}>
                  <Table.Th scope="row" fw={400}>
                    {nameOf(start, bucket, timeZone)}
                  </Table.Th>
                  <Table.Td ta="right">
                    {formatCount(value)}
                    {note && ` (${note})`}
                  </Table.Td>
                  {hasTotals && <Table.Td ta="right">{formatCount(totals[index] ?? 0)}</Table.Td>}
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </div>
      </details>
    </figure>
  );
}

function wordsFor(
  { start, value, note }: ChartPoint,
  total: number | undefined,
  bucket: Bucket,
  timeZone: string,
  unit: string,
): string {
  const words = `${nameOf(start, bucket, timeZone)}: ${formatCount(value)} ${unit}${note ? `, ${note}` : ""}`;
  return total === undefined ? words : `${words}; ${formatCount(total)} in all`;
}

function nameOf(start: string, bucket: Bucket, timeZone: string): string {
  const date = formatEventDate(start, timeZone);
  return bucket === "day" ? date : `${date}, ${formatEventClock(start, timeZone)}`;
}

/** Beside the point, on the side where there is room. */
function tooltipPlace(x: number, width: number) {
  return x < width / 2 ? { left: x + 12 } : { right: width - x + 12 };
}

function capitalised(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
