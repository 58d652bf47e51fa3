/** The words the administration uses for what the API has as numbers and names. */
import type { CustomerType, User } from "../../api/types";

export const USER_TYPES: Record<User["userType"], string> = {
  1: "Administrator",
  2: "Customer user",
  3: "Crew",
};

export const CUSTOMER_TYPES: Record<CustomerType, string> = {
  organiser: "Organiser",
  crewCompany: "Crew company",
};

export function nameOf({ firstName, lastName }: User): string {
  return `${firstName} ${lastName}`;
}
