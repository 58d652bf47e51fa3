/** Believable answers of the API for tests; each takes the fields a test cares about. */
import type { Event, Me, Order, Passkey, Security, Ticket, User } from "../api/types";

export function sampleUser(fields: Partial<User> = {}): User {
  return {
    id: "0198c0de-0000-7000-8000-000000000001",
    email: "ada@example.org",
    emailVerified: true,
    firstName: "Ada",
    lastName: "Lind",
    userType: 2,
    isActive: true,
    customerId: null,
    roles: [{ role: "member", customerId: null }],
    crew: null,
    profile: {},
    createdAt: "2026-09-01T08:00:00Z",
    updatedAt: "2026-09-01T08:00:00Z",
    ...fields,
  };
}

/** The signed-in person; `permissions` are held everywhere, or inside the customer. */
export function sampleMe(permissions: string[] = [], customerId?: string): Me {
  const customerIds = customerId === undefined ? [] : [customerId];
  const held = { everywhere: customerId === undefined, customerIds, itself: false };
  return {
    ...sampleUser(),
    permissions: permissions.map((permission) => ({ permission, ...held })),
  };
}

export function sampleSecurity(fields: Partial<Security> = {}): Security {
  return {
    emailVerified: true,
    hasTotp: false,
    recoveryCodesLeft: 0,
    passwordChangedAt: "2026-09-01T08:00:00Z",
    passkeyOrigin: location.origin,
    ...fields,
  };
}

export function samplePasskey(fields: Partial<Passkey> = {}): Passkey {
  return {
    id: "0198c0de-0000-7000-8000-0000000000b1",
    name: "My phone",
    createdAt: "2026-09-01T08:00:00Z",
    lastUsedAt: null,
    ...fields,
  };
}

export function sampleEvent(fields: Partial<Event> = {}): Event {
  return {
    id: "0198c0de-0000-7000-8000-0000000000e1",
    customerId: "0198c0de-0000-7000-8000-0000000000c1",
    name: "Lanterns on the Quay",
    description: "Four bands, one stage, the harbour behind it.",
    startDate: "2026-12-05T18:00:00Z",
    endDate: "2026-12-05T22:00:00Z",
    timeZone: "Europe/Stockholm",
    location: "Harbour Hall, Gothenburg",
    eventType: "concert",
    status: "published",
    seats: 800,
    seatsLeft: 312,
    price: { amountMinor: 29500, currency: "SEK" },
    crewSlots: 4,
    details: {},
    createdAt: "2026-09-01T08:00:00Z",
    updatedAt: "2026-09-01T08:00:00Z",
    ...fields,
  };
}

export function sampleTicket(fields: Partial<Ticket> = {}): Ticket {
  return {
    code: "7KQ2-M9XD-4TBA-PR3W",
    orderId: "0198c0de-0000-7000-8000-0000000000a1",
    eventId: sampleEvent().id,
    packetId: null,
    ownerId: sampleUser().id,
    holderName: "Ada Lind",
    status: "valid",
    price: { amountMinor: 29500, currency: "SEK" },
    issuedAt: "2026-09-02T08:00:00Z",
    checkedInAt: null,
    checkedInBy: null,
    ...fields,
  };
}

export function sampleOrder(fields: Partial<Order> = {}): Order {
  const price = { amountMinor: 29500, currency: "SEK" };
  return {
    id: "0198c0de-0000-7000-8000-0000000000a1",
    status: "confirmed",
    buyerId: sampleUser().id,
    buyer: null,
    lines: [{ eventId: sampleEvent().id, packetId: null, quantity: 1, unitPrice: price }],
    total: price,
    tickets: [sampleTicket()],
    createdAt: "2026-09-02T08:00:00Z",
    ...fields,
  };
}
