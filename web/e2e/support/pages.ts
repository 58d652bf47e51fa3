/** What every page of the application is held to, and the way to be signed in on one. */
import path from "node:path";
import AxeBuilder from "@axe-core/playwright";
import { expect, type Locator, type Page, test } from "@playwright/test";
import { RESULTS } from "./server";
import type { Person } from "./site";

const AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** A dialog has a `header` of its own, which these rules take for a second one of the page. */
const AXE_NOT_MEANT = ["landmark-no-duplicate-banner", "landmark-unique"];

/**
 * The page is at rest, nothing sticks out sideways, its content (the heading unless another is
 * given) can be seen without scrolling, and axe finds nothing, in light and in dark. Leaves a picture
 * of each in `e2e-results`.
 */
export async function expectGoodPage(page: Page, name: string, content?: Locator) {
  await page.waitForLoadState("networkidle");
  await expect(content ?? page.locator("main h1").first()).toBeInViewport();
  await expectNoOverflow(page);
  for (const colorScheme of ["dark", "light"] as const) {
    await page.emulateMedia({ colorScheme });
    await takePicture(page, `${name}-${colorScheme}`);
    await expectAccessible(page);
  }
}

async function takePicture(page: Page, name: string) {
  const file = path.join(RESULTS, "pages", test.info().project.name, `${name}.png`);
  await page.screenshot({ path: file, fullPage: true });
}

async function expectNoOverflow(page: Page) {
  const width = page.viewportSize()?.width ?? 0;
  const contentWidth = await page.evaluate(() => document.documentElement.scrollWidth);
  expect(contentWidth, "the page is wider than the screen").toBeLessThanOrEqual(width);
}

async function expectAccessible(page: Page) {
  const { violations } = await new AxeBuilder({ page })
    .withTags(AXE_TAGS)
    .disableRules(AXE_NOT_MEANT)
    .analyze();
  const found = violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${help}\n  ${target.join(" ")}\n  ${failureSummary}`),
  );
  expect(found, "axe").toEqual([]);
}

/** Signs out, and waits until the session is over: leaving the page before that would give the request up. */
export async function signOut(page: Page) {
  await page.goto("/sign-out");
  await expect(page.getByRole("heading", { name: "You are signed out" })).toBeVisible();
}

/** Starts a session of the person in the page's browser without going through the form. */
export async function signInAs(page: Page, { account }: Person) {
  // Any small file of the site: cookies and storage belong to its origin.
  await page.goto("/favicon.svg");
  const status = await page.evaluate(async ({ email, password }) => {
    const response = await fetch("/api/v1/auth/login", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ email, password, useCookie: true }),
    });
    if (response.ok) localStorage.setItem("backline.signed-in", "1");
    return response.status;
  }, account);
  expect(status, `signing in as ${account.email}`).toBe(200);
}
