import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { session } from "../../api/session";
import { renderApp } from "../../testing/renderApp";
import { sampleEvent } from "../../testing/samples";
import { answer, serveApi } from "../../testing/server";

beforeEach(() => session.end());
afterEach(() => vi.unstubAllGlobals());

const none = () => answer({ items: [], nextCursor: null });

test("what is typed stands in the address and is asked for", async () => {
  serveApi({
    "GET /api/v1/events": ({ url }) => {
      const fits = "Lanterns on the Quay".toLowerCase().includes(url.searchParams.get("q") ?? "");
      return fits ? answer({ items: [sampleEvent()], nextCursor: null }) : none();
    },
  });
  const { router } = renderApp("/");
  expect(await screen.findByText("Lanterns on the Quay")).toBeDefined();

  await userEvent.type(screen.getByLabelText("Search"), "brass");

  expect(await screen.findByRole("heading", { name: "No event fits" })).toBeDefined();
  expect(router.state.location.search).toEqual({ q: "brass" });
});

test("the first visitor of a new installation is told how the first event gets here", async () => {
  serveApi({ "GET /api/v1/events": none, "GET /api/v1/setup": () => answer({ isOpen: false }) });
  renderApp("/");

  expect(await screen.findByRole("heading", { name: "Nothing is on sale yet" })).toBeDefined();
  expect(await screen.findByRole("link", { name: "Make an account" })).toBeDefined();
  expect(screen.queryByLabelText("Search")).toBeNull();
});

test("a failure is told and can be tried again", async () => {
  let isDown = true;
  serveApi({
    "GET /api/v1/events": () =>
      isDown
        ? answer({ code: "internal", title: "Internal error" }, 500)
        : answer({ items: [sampleEvent()], nextCursor: null }),
  });
  renderApp("/");
  expect((await screen.findByRole("alert")).textContent).toContain("Internal error");

  isDown = false;
  await userEvent.click(screen.getByRole("button", { name: "Try again" }));

  expect(await screen.findByText("Lanterns on the Quay")).toBeDefined();
});

test("a card says what is left", async () => {
  serveApi({
    "GET /api/v1/events": () =>
      answer({
        items: [
          sampleEvent({ id: "1", seatsLeft: 312 }),
          sampleEvent({ id: "2", seatsLeft: 7 }),
          sampleEvent({ id: "3", seatsLeft: 0 }),
        ],
        nextCursor: null,
      }),
  });
  renderApp("/");
  await waitFor(() => expect(screen.getByText("312 seats left")).toBeDefined());
  expect(screen.getByText("Only 7 left")).toBeDefined();
  expect(screen.getByText("Sold out")).toBeDefined();
});
