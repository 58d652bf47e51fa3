/**
 * Reads a ticket's code as people type it and as scanners send it: sixteen characters of Crockford's
 * base 32, in any case, with or without hyphens, with O for 0 and I or L for 1.
 */
const CODE_CHARS = 16;
const ALPHABET = /^[0-9A-HJKMNP-TV-Z]+$/;

/** The code as it is printed, `7KQ2-M9XD-4TBA-PR3W`, or null when the text cannot be one. */
export function readTicketCode(text: string): string | null {
  // A code may come as the end of an address.
  const last = text.trim().split("/").at(-1) ?? "";
  const plain = last.toUpperCase().replaceAll(/[\s-]/g, "").replaceAll("O", "0").replaceAll(/[IL]/g, "1");
  if (plain.length !== CODE_CHARS || !ALPHABET.test(plain)) return null;
  return plain.match(/.{4}/g)?.join("-") ?? null;
}
