/**
 * The pages one can go to from anywhere: the side bar, the phone's drawer and the palette read this
 * list. A feature joins by adding its entry; who sees it is a question to `may`.
 */
import { may, mayEverywhere, type PermissionName } from "../api/me";
import type { Me } from "../api/types";
import type { FileRouteTypes } from "../routeTree.gen";
import type { IconName } from "../ui/icons";

export interface NavigationEntry {
  /** A route without parameters. */
  to: FileRouteTypes["to"];
  label: string;
  icon: IconName;
  group: NavigationGroup;
  isFor: (me: Me | null) => boolean;
  /** Other words by which the palette finds it. */
  keywords?: string;
}

const GROUPS = ["Discover", "You", "Organise", "Administration"] as const;
export type NavigationGroup = (typeof GROUPS)[number];

const everyone = () => true;
const signedIn = (me: Me | null) => me !== null;

const ENTRIES: NavigationEntry[] = [
  {
    to: "/",
    label: "Events",
    icon: "calendar",
    group: "Discover",
    isFor: everyone,
    keywords: "concerts home",
  },
  {
    to: "/tickets",
    label: "Tickets",
    icon: "ticket",
    group: "You",
    isFor: signedIn,
    keywords: "qr code entry door",
  },
  {
    to: "/orders",
    label: "Orders",
    icon: "cart",
    group: "You",
    isFor: signedIn,
    keywords: "bought purchases receipts",
  },
  {
    to: "/account",
    label: "Account",
    icon: "person",
    group: "You",
    isFor: signedIn,
    keywords: "profile name sessions sign out",
  },
  {
    to: "/organiser",
    label: "Organiser",
    icon: "building",
    group: "Organise",
    isFor: signedIn,
    keywords: "your events plan found customer sales",
  },
  {
    to: "/organiser/people",
    label: "People",
    icon: "people",
    group: "Organise",
    isFor: holderOf("users:list"),
    keywords: "accounts roles invite door staff",
  },
  {
    to: "/check-in",
    label: "Check in",
    icon: "scan",
    group: "Organise",
    isFor: holderOf("tickets:check-in"),
    keywords: "door scan tickets entry",
  },
  {
    to: "/docs",
    label: "API reference",
    icon: "book",
    group: "Organise",
    isFor: holderOf("customers:read"),
    keywords: "developers openapi rest documentation",
  },
  {
    to: "/admin/users",
    label: "Users",
    icon: "person",
    group: "Administration",
    isFor: holderEverywhere("users:list"),
    keywords: "accounts people",
  },
  {
    to: "/admin/roles",
    label: "Roles",
    icon: "shield",
    group: "Administration",
    isFor: holderEverywhere("roles:read"),
    keywords: "permissions rights",
  },
  {
    to: "/admin/programs",
    label: "Programs",
    icon: "plug",
    group: "Administration",
    isFor: holderEverywhere("oauth-clients:read"),
    keywords: "oauth openid clients applications service accounts sign in",
  },
  {
    to: "/admin/customers",
    label: "Customers",
    icon: "building",
    group: "Administration",
    isFor: holderEverywhere("customers:read"),
    keywords: "organisers crew companies",
  },
  {
    to: "/admin/audit",
    label: "Audit log",
    icon: "clock",
    group: "Administration",
    isFor: holderEverywhere("audit:read"),
    keywords: "denied history who did what security permission check why export",
  },
  {
    to: "/admin/messages",
    label: "Messages",
    icon: "inbox",
    group: "Administration",
    isFor: holderEverywhere("messages:read"),
    keywords: "dead letters queue lag consumers streams broker outbox inbox replay drop",
  },
];

/** The entries this person sees, by group, in the order they are shown; empty groups are left out. */
export function navigationFor(me: Me | null): { group: NavigationGroup; entries: NavigationEntry[] }[] {
  return GROUPS.map((group) => ({
    group,
    entries: ENTRIES.filter((entry) => entry.group === group && entry.isFor(me)),
  })).filter(({ entries }) => entries.length > 0);
}

/** For pages that need a permission, wherever it holds. */
function holderOf(permission: PermissionName) {
  return (me: Me | null) => may(me, permission);
}

/** For pages about all customers, which holding a permission inside one of them does not open. */
function holderEverywhere(permission: PermissionName) {
  return (me: Me | null) => mayEverywhere(me, permission);
}
