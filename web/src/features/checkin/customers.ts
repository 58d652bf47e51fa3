/** For whose events a person may check tickets in. */
import { customersWhere, mayEverywhere } from "../../api/me";
import type { Me } from "../../api/types";

/** Their ids; none means those of all customers, for who may everywhere; null means for nobody's. */
export function customersAtDoor(me: Me | null): string[] | null {
  if (mayEverywhere(me, "tickets:check-in")) return [];
  const ids = customersWhere(me, "tickets:check-in");
  return ids.length === 0 ? null : ids;
}
