/**
 * The journeys of `e2e/`, each at two sizes; pages are looked at in both colour schemes on the way
 * (`expectGoodPage`). Two workers, each with a server of its own, which `e2e/support` starts and ends
 * by itself.
 */
import { defineConfig } from "@playwright/test";

const DESKTOP = { viewport: { width: 1366, height: 900 } };
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

export default defineConfig({
  testDir: "e2e",
  outputDir: "e2e-results/artifacts",
  reporter: [["list"], ["./e2e/support/failures.ts"]],
  workers: 2,
  // A journey that fails at first is walked once more, and named as flaky in the end.
  retries: 1,
  forbidOnly: Boolean(process.env.CI),
  timeout: 120_000,
  expect: { timeout: 15_000 },
  use: {
    browserName: "chromium",
    locale: "en-GB",
    // Not the zone of any event in the journeys: a page that shows the reader's zone gives itself away.
    timezoneId: "America/New_York",
    contextOptions: { reducedMotion: "reduce" },
    trace: "retain-on-failure",
    screenshot: "only-on-failure",
    launchOptions: {
      executablePath: "/usr/bin/chromium",
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
  projects: [
    { name: "desktop", use: DESKTOP },
    { name: "phone", use: PHONE },
  ],
});
