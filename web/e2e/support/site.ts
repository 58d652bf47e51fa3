/**
 * People and events on a running server, made through its API: the ground a journey starts from.
 *
 * Rights travel between services and may arrive a moment after the answer that announced them, so
 * a refusal is tried again for a short while.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Customer, Event, Me, Order, User } from "../../src/api/types";
import { findLink } from "./letters";
import { type Server, waitUntil } from "./server";

const PASSWORD = "lanterns on the quay";
const TRIES_MAX = 40;
const TRY_AGAIN_MS = 250;
const DAY_MS = 86_400_000;

export interface Account {
  email: string;
  password: string;
  firstName: string;
  lastName: string;
}

export class ApiError extends Error {
  readonly status: number;
  readonly code: string | undefined;

  constructor(call: string, status: number, body: { code?: string }) {
    super(`${call} answered ${status}: ${JSON.stringify(body)}`);
    this.status = status;
    this.code = body.code;
  }
}

/** Somebody with an account, and what they can do through the API. */
export class Person {
  readonly account: Account;
  readonly id: string;
  private readonly url: string;
  private token: string | null = null;

  constructor(url: string, account: Account, id: string) {
    this.url = url;
    this.account = account;
    this.id = id;
  }

  /** One call as this person; a 403 or a spent token is tried again. */
  async call<T>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<T> {
    for (let tries = 1; ; tries++) {
      this.token ??= await this.signIn();
      try {
        return await callApi<T>(this.url, method, path, body, {
          authorization: `Bearer ${this.token}`,
          ...headers,
        });
      } catch (error) {
        const mayPass = error instanceof ApiError && [401, 403].includes(error.status) && tries < TRIES_MAX;
        if (!mayPass) throw error;
        if (error.status === 401) this.token = null;
        await sleep(TRY_AGAIN_MS);
      }
    }
  }

  /** Buys tickets for one event. */
  order(eventId: string, quantity = 1): Promise<Order> {
    const { firstName, lastName, email } = this.account;
    const buyer = { name: `${firstName} ${lastName}`, email };
    const key = { "idempotency-key": randomUUID() };
    return this.call("POST", "/orders", { lines: [{ eventId, quantity }], buyer }, key);
  }

  /** What a program shows that acts for this person. */
  async accessToken(): Promise<string> {
    this.token ??= await this.signIn();
    return this.token;
  }

  /** Whether a role has reached everybody who decides. */
  async hasRights(): Promise<boolean> {
    return (await this.call<Me>("GET", "/users/me")).permissions.length > 0;
  }

  /** Whether the token in hand is still good. */
  async isSignedIn(): Promise<boolean> {
    const authorization = `Bearer ${this.token}`;
    const answer = await fetch(`${this.url}/api/v1/users/me`, { headers: { authorization } });
    return answer.ok;
  }

  private async signIn(): Promise<string> {
    const { email, password } = this.account;
    const answer = await callApi<{ accessToken: string }>(this.url, "POST", "/auth/login", {
      email,
      password,
    });
    return answer.accessToken;
  }
}

export interface Organiser {
  person: Person;
  customer: Customer;
}

/** One running installation. The administrator and the organiser are made when first asked for. */
export class Site {
  readonly url: string;
  private readonly server: Server;
  private theAdmin: Promise<Person> | null = null;
  private theOrganiser: Promise<Organiser> | null = null;

  constructor(server: Server) {
    this.server = server;
    this.url = server.url;
  }

  setupToken(): Promise<string> {
    return this.server.setupToken();
  }

  /** The port of the embedded broker. */
  get brokerPort(): number {
    if (this.server.brokerPort === null) throw new Error("`test.use({ hasBroker: true })` was forgotten");
    return this.server.brokerPort;
  }

  /** Waits for a letter with a link to the page; answers the link's path and query. */
  async linkFor(email: string, page: "verify-email" | "reset-password" | "sign-in-link"): Promise<string> {
    let link: string | undefined;
    await waitUntil(() => {
      link = findLink(this.server.data, email, page);
      return link !== undefined;
    }, `a letter to ${email} has a link to ${page}`);
    return link ?? "";
  }

  /** The first administrator. */
  admin(): Promise<Person> {
    this.theAdmin ??= this.createAdmin();
    return this.theAdmin;
  }

  /** A new member; every call makes another one. */
  async person(names: Partial<Account> = {}): Promise<Person> {
    const account = newAccount(names);
    const user = await callApi<User>(this.url, "POST", "/auth/register", account);
    const person = new Person(this.url, account, user.id);
    await waitUntil(() => person.hasRights(), `${account.email} has the role of every new account`);
    return person;
  }

  /** A member who has founded an organiser; always the same one. */
  organiser(): Promise<Organiser> {
    this.theOrganiser ??= this.createOrganiser();
    return this.theOrganiser;
  }

  /** An event of the organiser that is on sale, a month from now unless told otherwise. */
  async publishEvent(fields: Partial<Event> = {}): Promise<Event> {
    const { id } = await this.draftEvent(fields);
    return this.setStatus(id, "published");
  }

  async draftEvent(fields: Partial<Event> = {}): Promise<Event> {
    const { person, customer } = await this.organiser();
    return person.call("POST", "/events", { ...newEvent(), customerId: customer.id, ...fields });
  }

  async setStatus(eventId: string, status: Event["status"]): Promise<Event> {
    const { person } = await this.organiser();
    return person.call("PATCH", `/events/${eventId}`, { status });
  }

  private async createAdmin(): Promise<Person> {
    const account = newAccount({ firstName: "Astrid", lastName: "Berg" });
    const token = await this.setupToken();
    const user = await callApi<User>(this.url, "POST", "/setup", { ...account, token });
    return new Person(this.url, account, user.id);
  }

  private async createOrganiser(): Promise<Organiser> {
    // An installation without an administrator is not open to others yet.
    await this.admin();
    const person = await this.person({ firstName: "Olof", lastName: "Nyman" });
    const customer = await person.call<Customer>("POST", "/customers", {
      name: "Quayside Concerts",
      orgNumber: `55${Date.now() % 10_000_000_000}`,
      customerType: "organiser",
    });
    return { person, customer };
  }
}

/** An account nobody has yet. */
export function newAccount(names: Partial<Account> = {}): Account {
  const firstName = names.firstName ?? "Ada";
  const lastName = names.lastName ?? "Lind";
  const email = `${firstName}.${lastName}.${randomUUID().slice(0, 8)}@example.org`.toLowerCase();
  return { email, password: PASSWORD, firstName, lastName, ...names };
}

function newEvent() {
  const start = daysFromNow(30);
  return {
    name: `Lanterns on the Quay ${randomUUID().slice(0, 4)}`,
    description: "Four bands, one stage, the harbour behind it.",
    startDate: start,
    endDate: new Date(Date.parse(start) + 4 * 3_600_000).toISOString(),
    timeZone: "Europe/Stockholm",
    location: "Harbour Hall, Gothenburg",
    eventType: "concert",
    seats: 100,
    price: { amountMinor: 29_500, currency: "SEK" },
  };
}

/** Six in the evening, UTC, so many days from now. */
export function daysFromNow(days: number): string {
  const day = new Date(Date.now() + days * DAY_MS);
  day.setUTCHours(18, 0, 0, 0);
  return day.toISOString();
}

async function callApi<T>(
  url: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<T> {
  const response = await fetch(`${url}/api/v1${path}`, {
    method,
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (response.status === 429) {
    await sleep(1000 * Number(response.headers.get("retry-after") ?? 1));
    return callApi(url, method, path, body, headers);
  }
  const text = await response.text();
  const answer = text === "" ? undefined : JSON.parse(text);
  if (!response.ok) throw new ApiError(`${method} ${path}`, response.status, answer ?? {});
  return answer as T;
}
