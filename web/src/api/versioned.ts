/**
 * A resource together with the version it was read at, so that a change can say which version it
 * is a change of: the server answers 412 when somebody else was faster.
 */
import { isProblem } from "./problem";

export interface Versioned<T> {
  value: T;
  /** The `ETag`; null when the server sent none. */
  version: string | null;
}

interface Answer<T> {
  data?: T;
  response: Response;
}

export function versioned<T>({ data, response }: Answer<T>): Versioned<T> {
  return { value: data as T, version: response.headers.get("etag") };
}

/** The header parameter for PATCH, PUT and DELETE. */
export function ifMatch(version: string | null): { "If-Match"?: string } {
  return version === null ? {} : { "If-Match": version };
}

/** True when somebody else changed the resource after it was read. */
export function isStale(error: unknown): boolean {
  return isProblem(error) && error.status === 412;
}
