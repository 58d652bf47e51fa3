/** The `?token=` of a page that a letter or the server's own words link to. */
export interface LinkSearch {
  token?: string;
}

export function readLinkSearch({ token }: Record<string, unknown>): LinkSearch {
  return token === undefined || token === "" ? {} : { token: String(token) };
}
