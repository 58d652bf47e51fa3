/**
 * The `?return=` of the sign-in and sign-up pages: where to go afterwards.
 * Only a path of this site is accepted; anything else would let a link send people elsewhere.
 */
export interface ReturnSearch {
  return?: string;
}

export function readReturnSearch(search: Record<string, unknown>): ReturnSearch {
  return isOwnPath(search.return) ? { return: search.return } : {};
}

function isOwnPath(value: unknown): value is string {
  if (typeof value !== "string" || !value.startsWith("/")) return false;
  return new URL(value, location.origin).origin === location.origin;
}
