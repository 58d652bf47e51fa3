/** What the components need and the test's DOM does not have. */
import { cleanup } from "@testing-library/react";
import { afterEach, vi } from "vitest";

afterEach(cleanup);

vi.stubGlobal("scrollTo", () => {});

// A call that is made when a test is over goes nowhere rather than to a port of this machine.
globalThis.fetch = () => Promise.reject(new TypeError("no server in this test"));

// A text area that grows with its text listens for fonts that arrive late.
if (!document.fonts) Object.defineProperty(document, "fonts", { value: new EventTarget() });
