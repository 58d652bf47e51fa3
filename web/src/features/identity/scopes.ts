/** What a program was allowed, in the words in which it was asked for. */
const WORDS: Record<string, string> = {
  openid: "Know that it is you",
  profile: "See your name",
  email: "See your email",
  roles: "See your roles",
  offline_access: "Keep access while you are away",
  api: "Act for you in Backline",
};

export function wordsForScopes(scopes: string[]): string {
  return scopes.map((scope) => WORDS[scope] ?? scope).join(", ");
}
