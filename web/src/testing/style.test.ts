/** Rules of the code that no linter of ours expresses. */
import { expect, test } from "vitest";

const sources = import.meta.glob<string>("../**/*.{ts,tsx}", {
  query: "?raw",
  import: "default",
  eager: true,
});

function filesMatching(pattern: RegExp): string[] {
  return Object.entries(sources)
    .filter(([path, text]) => pattern.test(text) && !/\.(test|gen)\.tsx?$/.test(path))
    .map(([path]) => path);
}

test("only ui/format.ts formats dates and numbers, and ui/zonedTime.ts reads them in a zone", () => {
  expect(filesMatching(/\.toLocale\w*String\(|\bIntl\./)).toEqual(["../ui/format.ts", "../ui/zonedTime.ts"]);
});

test("every file but a thin route says what it is for", () => {
  const silent = Object.entries(sources)
    .filter(([path, text]) => !/\.(test|gen)\.tsx?$|\/routes\//.test(path) && !text.startsWith("/**"))
    .map(([path]) => path);
  expect(silent).toEqual([]);
});
