/**
 * The names by which features speak of what the API sends and takes.
 *
 * Features import types from here, never from the generated file: a schema that is renamed in the
 * OpenAPI document is then put right on one line.
 */
import type { components } from "./schema.gen";

type Schemas = components["schemas"];

export type Money = Schemas["Money"];
export type Problem = Schemas["Problem"];
export type FieldError = Schemas["FieldError"];

export type User = Schemas["User"];
export type Me = Schemas["Me"];
export type HeldRole = Schemas["HeldRole"];
export type Session = Schemas["Session"];
export type Security = Schemas["Security"];
export type NewTotp = Schemas["NewTotp"];
export type Passkey = Schemas["Passkey"];
export type Consent = Schemas["Consent"];
export type Role = Schemas["Role"];
export type Permission = Schemas["Permission"];

export type AuditEntry = Schemas["AuditEntry"];
export type MessagesOverview = Schemas["MessagesOverview"];
export type ServiceMessages = Schemas["ServiceMessages"];
export type MessagesBroker = Schemas["MessagesBroker"];
export type MessagesLag = Schemas["MessagesLag"];
export type DeadLetter = Schemas["DeadLetter"];
export type BrokerDeadLetter = Schemas["BrokerDeadLetter"];
export type DeadLetterPage = Schemas["DeadLetterPage"];
export type PermissionExplanation = Schemas["PermissionExplanation"];

export type Crew = Schemas["Crew"];

export type Customer = Schemas["Customer"];
export type CustomerType = Customer["customerType"];

export type Event = Schemas["Event"];
export type EventStatus = Event["status"];
export type Sales = Schemas["Sales"];
export type SalesPoint = Schemas["SalesPoint"];

export type Order = Schemas["Order"];
export type OrderStatus = Order["status"];
export type Ticket = Schemas["Ticket"];
export type TicketStatus = Ticket["status"];
