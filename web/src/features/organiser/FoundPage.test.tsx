import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { session } from "../../api/session";
import { renderApp } from "../../testing/renderApp";
import { sampleMe } from "../../testing/samples";
import { answer, serveApi } from "../../testing/server";

const CUSTOMER = "0198c0de-0000-7000-8000-0000000000c1";
const customer = { id: CUSTOMER, name: "Quayside", customerType: "organiser", isActive: true };

beforeEach(() => session.begin("token"));
afterEach(() => vi.unstubAllGlobals());

async function found() {
  await userEvent.type(await screen.findByLabelText("Name"), "Quayside");
  await userEvent.type(screen.getByLabelText("Organisation number"), "5566");
  await userEvent.click(screen.getByRole("button", { name: "Found it" }));
}

test("who founds an organiser comes to its events once the role has arrived", async () => {
  let asked = 0;
  const bodies: unknown[] = [];
  serveApi({
    "GET /api/v1/users/me": () => {
      asked += 1;
      const permissions = ["events:read", "events:create", "customers:read"];
      return answer(asked > 2 ? sampleMe(permissions, CUSTOMER) : sampleMe());
    },
    "POST /api/v1/customers": ({ body }) => {
      bodies.push(body);
      return answer(customer, 201);
    },
    [`GET /api/v1/customers/${CUSTOMER}`]: () => answer(customer),
    "GET /api/v1/events": () => answer({ items: [], nextCursor: null }),
  });
  renderApp("/organiser");
  await found();

  expect(await screen.findByRole("heading", { name: "Your events" })).toBeDefined();
  expect(await screen.findByText("No events yet")).toBeDefined();
  expect(bodies).toEqual([
    {
      name: "Quayside",
      orgNumber: "5566",
      address: null,
      email: null,
      phone: null,
      customerType: "organiser",
    },
  ]);
});

test("a number that is taken is said at its field", async () => {
  serveApi({
    "GET /api/v1/users/me": () => answer(sampleMe()),
    "POST /api/v1/customers": () =>
      answer({ code: "org_number_taken", title: "Conflict", detail: "It is here already." }, 409),
  });
  renderApp("/organiser");
  await found();

  await waitFor(() => expect(screen.getByText("It is here already.")).toBeDefined());
});
