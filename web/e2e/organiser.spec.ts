/** From a member without anything to an organiser whose event sells, and what can go wrong on the way. */
import type { Page } from "@playwright/test";
import type { Customer, User } from "../src/api/types";
import { expectGoodPage, signInAs } from "./support/pages";
import { newAccount } from "./support/site";
import { expect, test } from "./support/test";

test("a member founds an organiser, plans an event, publishes it and sees it sell", async ({
  page,
  site,
}) => {
  test.slow();
  await site.admin();
  const founder = await site.person({ firstName: "Frida", lastName: "Ek" });
  await signInAs(page, founder);
  await page.goto("/organiser");
  await expect(page.getByRole("heading", { name: "Found an organiser" })).toBeVisible();
  await expectGoodPage(page, "organiser-found");

  await page.getByLabel("Name", { exact: true }).fill("Ek & Sons Concerts");
  await page.getByLabel("Organisation number").fill(`77${Date.now() % 10_000_000_000}`);
  await page.getByRole("button", { name: "Found it" }).click();
  await expect(page.getByText("No events yet")).toBeVisible();
  await expectGoodPage(page, "organiser-empty");

  await page.getByRole("link", { name: "New event" }).first().click();
  await page.getByRole("button", { name: "Save as a draft" }).click();
  await expect(page.getByText("Enter a name.")).toBeVisible();
  await expectGoodPage(page, "organiser-event-wrong");

  await page.getByLabel("Name", { exact: true }).fill("Lanterns on the Quay");
  await page.getByLabel("Description").fill("Four bands, one stage, the harbour behind it.");
  await choose(page, "Kind of event", "Concert");
  await page.getByLabel("Place").fill("Harbour Hall, Gothenburg");
  await choose(page, "Time zone of the venue", "Europe/Stockholm");
  await page.getByLabel("Starts").fill("2031-10-26T02:30");
  await expect(page.getByText("Sun 26 Oct 2031, 02:30 GMT+2 (Stockholm)")).toBeVisible();
  await page.getByRole("checkbox", { name: /The second one/ }).check();
  await expect(page.getByText("Sun 26 Oct 2031, 02:30 GMT+1 (Stockholm)")).toBeVisible();
  await page.getByLabel("Ends").fill("2031-10-26T05:00");
  await page.getByLabel("Seats").fill("120");
  await page.getByLabel("Price of a ticket").fill("295");
  await choose(page, "Currency", "SEK");
  await page.getByRole("button", { name: "Add a detail" }).click();
  await page.getByLabel("Name of detail 1").fill("doors");
  await page.getByLabel("Text of detail 1").fill("01:30");
  await expectGoodPage(page, "organiser-event-new", page.getByLabel("Name of detail 1"));
  await page.getByRole("button", { name: "Save as a draft" }).click();

  await expect(page.getByText("This is a draft")).toBeVisible();
  await expectGoodPage(page, "organiser-draft");
  await page.getByRole("button", { name: "Publish" }).click();
  const dialog = page.getByRole("dialog", { name: "Put this event on sale?" });
  await expectGoodPage(page, "organiser-publish-asked", dialog);
  await dialog.getByRole("button", { name: "Publish" }).click();
  await expect(page.getByText("No ticket sold yet")).toBeVisible();

  const eventId = new URL(page.url()).pathname.split("/").at(-1) ?? "";
  const guest = await site.person({ firstName: "Gun", lastName: "Alm" });
  const { tickets } = await guest.order(eventId, 3);
  await guest.call("DELETE", `/tickets/${tickets[2]?.code}`);
  await page.reload();

  await expect(figure(page, "Sold")).toHaveText("2");
  await expect(figure(page, "Seats left")).toHaveText("118");
  await expect(figure(page, "Revenue")).toHaveText("SEK 590.00");
  await expect(figure(page, "Cancelled")).toHaveText("1");
  const reader = page.getByRole("slider", { name: "Tickets sold, point by point" });
  await expect(reader).toHaveAttribute("aria-valuetext", /2 tickets, SEK\s590\.00; 2 in all/);
  await expect(page.getByText("Times in GMT+", { exact: false })).toContainText("Stockholm");
  await expectGoodPage(page, "organiser-event");
  await page.getByRole("link", { name: "By hour" }).click();
  await expect(page.getByText("tickets an hour")).toBeVisible();

  await page.goto("/organiser");
  await page.getByRole("link", { name: "On sale" }).click();
  await expect(page).toHaveURL(/status=published/);
  await expect(page.getByText("2 of 120")).toBeVisible();
  await expectGoodPage(page, "organiser-events");
  await page.getByRole("link", { name: "Drafts" }).click();
  await expect(page.getByText("No event in this state")).toBeVisible();
});

test("a change that somebody else overtook is not written over theirs", async ({
  page,
  site,
  consoleErrors,
}) => {
  consoleErrors.allow(/412/);
  const event = await site.draftEvent();
  const { person } = await site.organiser();
  await signInAs(page, person);
  await page.goto(`/organiser/events/${event.id}/edit`);
  await page.getByLabel("Place").fill("Somewhere else");
  await person.call("PATCH", `/events/${event.id}`, { name: "Renamed meanwhile" });

  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Somebody else was faster")).toBeVisible();
  await expectGoodPage(page, "organiser-stale", page.getByText("Somebody else was faster"));
  await page.getByRole("button", { name: "Load what is stored now" }).click();
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("Renamed meanwhile");

  await page.getByLabel("Place").fill("Somewhere else");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByRole("heading", { name: "Renamed meanwhile" })).toBeVisible();
  await expect(page.getByText("Somewhere else")).toBeVisible();
});

test("seats cannot go below what is sold, and a ticket is found by its code and cancelled", async ({
  page,
  site,
  consoleErrors,
}) => {
  consoleErrors.allow(/409|404/);
  const event = await site.publishEvent({ seats: 10 });
  const guest = await site.person({ firstName: "Gun", lastName: "Alm" });
  const { tickets } = await guest.order(event.id, 2);
  const { person } = await site.organiser();
  await signInAs(page, person);

  await page.goto(`/organiser/events/${event.id}/edit`);
  await page.getByLabel("Seats").fill("1");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByLabel("Seats")).toHaveAttribute("aria-invalid", "true");
  await expect(page.getByText(/2 seats are sold/)).toBeVisible();

  await page.goto(`/organiser/events/${event.id}`);
  await page.getByLabel("Search by ticket code").fill("0000-0000-0000-0000");
  await page.getByRole("button", { name: "Search", exact: true }).click();
  await expect(page.getByText("There is no ticket with that code.")).toBeVisible();
  const code = tickets[0]?.code ?? "";
  await page.getByLabel("Search by ticket code").fill(code.toLowerCase().replaceAll("-", ""));
  await page.getByRole("button", { name: "Search", exact: true }).click();
  await page.getByRole("button", { name: `Cancel the ticket ${code}` }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel the ticket" }).click();
  await expect(figure(page, "Cancelled")).toHaveText("1");
  await expect(figure(page, "Sold")).toHaveText("1");
});

test("an event is cancelled or completed, a draft deleted, each after a question", async ({ page, site }) => {
  const { person } = await site.organiser();
  const cancelled = await site.publishEvent();
  const draft = await site.draftEvent();
  await signInAs(page, person);

  await page.goto(`/organiser/events/${cancelled.id}`);
  await page.getByRole("button", { name: "Cancel the event" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel the event" }).click();
  await expect(page.getByText("This event is over.")).toBeVisible();

  await page.goto(`/organiser/events/${draft.id}`);
  await page.getByRole("button", { name: "Delete the draft" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete the draft" }).click();
  await expect(page.getByRole("heading", { name: "Your events" })).toBeVisible();
  await expect(page.getByRole("link", { name: draft.name })).toHaveCount(0);
});

test("an organiser makes an account for the door and gives it a second role", async ({ page, site }) => {
  const { person, customer } = await site.organiser();
  await signInAs(page, person);
  await page.goto("/organiser/people");
  await page.getByRole("button", { name: "Make an account" }).click();
  const dialog = page.getByRole("dialog", { name: "Make an account" });
  const account = newAccount({ firstName: "Dora", lastName: "Dahl" });
  await dialog.getByLabel("First name").fill(account.firstName);
  await dialog.getByLabel("Last name").fill(account.lastName);
  await dialog.getByLabel("Email").fill(account.email);
  await dialog.getByRole("textbox", { name: "First password" }).fill(account.password);
  await dialog.getByRole("checkbox", { name: "Door" }).check();
  await expectGoodPage(page, "people-invite", dialog);
  await dialog.getByRole("button", { name: "Make the account" }).click();
  await expect(dialog).toBeHidden();

  const may = page
    .getByRole("row", { name: account.email })
    .getByRole("group", { name: "What Dora Dahl may do" });
  await expect(may.getByRole("checkbox", { name: "Door" })).toBeChecked();
  await may.getByRole("checkbox", { name: "Member" }).check();
  await expect(may.getByRole("checkbox", { name: "Member" })).toBeChecked();
  await expectGoodPage(page, "people", may);

  await page.reload();
  await expect(may.getByRole("checkbox", { name: "Member" })).toBeChecked();
  await may.getByRole("checkbox", { name: "Member" }).uncheck();
  await expect(may.getByRole("checkbox", { name: "Member" })).not.toBeChecked();
  const { items } = await person.call<{ items: User[] }>("GET", `/users?customerId=${customer.id}`);
  const roles = items.find(({ email }) => email === account.email)?.roles;
  expect(roles).toContainEqual({ role: "door", customerId: customer.id });
});

test("nobody sees the drafts or the sales of another organiser", async ({ page, site, consoleErrors }) => {
  consoleErrors.allow(/403|404|not permitted/);
  const draft = await site.draftEvent({ name: "A secret rehearsal" });
  const stranger = await site.person({ firstName: "Stig", lastName: "Rask" });
  const own = await stranger.call<Customer>("POST", "/customers", {
    name: "Rask Events",
    orgNumber: `66${Date.now() % 10_000_000_000}`,
    customerType: "organiser",
  });
  await stranger.call("GET", `/events?customerId=${own.id}`);
  await signInAs(page, stranger);

  await page.goto("/organiser");
  await expect(page.getByText("No events yet")).toBeVisible();
  await page.goto(`/organiser/events/${draft.id}`);
  await expect(page.getByText("A secret rehearsal")).toHaveCount(0);
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(
    /This page could not be shown|There is nothing here/,
  );
});

async function choose(page: Page, label: string, option: string) {
  const field = page.getByRole("textbox", { name: label }).or(page.getByRole("combobox", { name: label }));
  // At the edge of the screen there is no room for the list.
  await field.first().evaluate((element) => element.scrollIntoView({ block: "center" }));
  await field.first().click();
  // A short list cannot be searched in.
  if (await field.first().isEditable()) await field.first().fill(option);
  await page.getByRole("option", { name: option, exact: true }).click();
}

function figure(page: Page, name: string) {
  return page.locator("dt", { hasText: new RegExp(`^${name}$`) }).locator("xpath=following-sibling::dd");
}
