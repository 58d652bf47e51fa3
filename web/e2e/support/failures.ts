/**
 * The last words of a run: a line for each journey that failed or that passed only at the second walk, with the first
 * line of each reason. A server that keeps only the end of a log keeps these.
 */
import type { FullConfig, Reporter, Suite, TestCase } from "@playwright/test/reporter";

const COLOURS = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g");

/** What is worth telling of an error in one line: what it says and, when values differ, those that were not expected. */
function inOneLine(message: string): string {
  const lines = message.replace(COLOURS, "").split("\n");
  const [first = "no reason given", ...rest] = lines;
  const unexpected = rest.map((line) => line.trim()).filter((line) => /^[+-] {2,}|^Received/.test(line));
  return [first, ...unexpected].join(" | ").slice(0, 400);
}

export default class Failures implements Reporter {
  private root?: Suite;

  onBegin(_config: FullConfig, root: Suite) {
    this.root = root;
  }

  // After every other reporter's `onEnd`.
  async onExit() {
    for (const journey of this.root?.allTests() ?? []) {
      if (journey.outcome() === "unexpected") this.tell("failed", journey);
      if (journey.outcome() === "flaky") this.tell("flaky", journey);
    }
  }

  private tell(outcome: string, journey: TestCase) {
    console.log(`${outcome}: ${journey.titlePath().filter(Boolean).join(" › ")}`);
    const reasons = journey.results.flatMap((result) => result.errors).map((error) => error.message ?? "");
    for (const reason of new Set(reasons.map(inOneLine))) console.log(`    ${reason}`);
  }
}
