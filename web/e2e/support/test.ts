/**
 * `test` as the journeys use it: `import { expect, test } from "./support/test"`.
 *
 * - `site`: the running installation, one for all journeys of a project; people and events are made
 *   with `await site.person()`, `await site.organiser()`, `await site.publishEvent({ seats: 1 })`.
 * - `freshSite`: one of its own for the test, without any user yet.
 * - `page`: fails the test when the console reports an error that was not announced with
 *   `consoleErrors.allow(/409/)`.
 */
import { test as base, expect } from "@playwright/test";
import { HOST, startServer } from "./server";
import { Site } from "./site";

class ConsoleErrors {
  private readonly seen: string[] = [];
  private readonly allowed: RegExp[] = [];

  /** The browser reports every answer from 400 up; a journey about a refusal expects one. */
  allow(pattern: RegExp) {
    this.allowed.push(pattern);
  }

  record(text: string) {
    this.seen.push(text);
  }

  unexpected(): string[] {
    return this.seen.filter((text) => !this.allowed.some((pattern) => pattern.test(text)));
  }
}

interface TestFixtures {
  consoleErrors: ConsoleErrors;
  freshSite: Site;
}

interface WorkerFixtures {
  /** What the browser calls this machine; a file of journeys may `test.use` another name. */
  host: string;
  /** Whether programs outside receive messages; a file of journeys may `test.use` it. */
  hasBroker: boolean;
  site: Site;
}

export const test = base.extend<TestFixtures, WorkerFixtures>({
  host: [HOST, { option: true, scope: "worker" }],
  hasBroker: [false, { option: true, scope: "worker" }],

  site: [
    async ({ host, hasBroker }, use, { project }) => {
      const server = await startServer(project.name, host, hasBroker);
      await use(new Site(server));
      await server.stop();
    },
    { scope: "worker", timeout: 90_000 },
  ],

  freshSite: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the names of the fixtures here
    async ({}, use, { project }) => {
      const server = await startServer(`${project.name}-fresh`);
      await use(new Site(server));
      await server.stop();
    },
    { timeout: 90_000 },
  ],

  baseURL: async ({ site }, use) => use(site.url),

  // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the names of the fixtures here
  consoleErrors: async ({}, use) => use(new ConsoleErrors()),

  page: async ({ page, consoleErrors }, use) => {
    page.on("console", (message) => {
      if (message.type() === "error") consoleErrors.record(`${message.text()} at ${message.location().url}`);
    });
    page.on("pageerror", (error) => consoleErrors.record(String(error)));
    await use(page);
    expect(consoleErrors.unexpected(), "errors in the console").toEqual([]);
  },
});

export { expect };
