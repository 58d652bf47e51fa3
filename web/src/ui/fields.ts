/**
 * The rules of the account fields, the same ones the server has, so that a slip is shown before
 * anything is sent.
 */
import * as z from "zod/mini";

const PASSWORD_CHARS_MIN = 10;
const PASSWORD_CHARS_MAX = 128;
const NAME_CHARS_MAX = 100;

const name = (missing: string) =>
  z.string().check(z.trim(), z.minLength(1, missing), z.maxLength(NAME_CHARS_MAX, "That is too long."));

export const firstName = name("Enter your first name.");
export const lastName = name("Enter your last name.");

export const email = z
  .string()
  .check(z.trim(), z.regex(/^[^\s@]+@[^\s@]+$/, "Enter an email address, such as ada@example.org."));

export const newPassword = z
  .string()
  .check(
    z.minLength(PASSWORD_CHARS_MIN, `Use at least ${PASSWORD_CHARS_MIN} characters.`),
    z.maxLength(PASSWORD_CHARS_MAX, `Use at most ${PASSWORD_CHARS_MAX} characters.`),
  );

export const PASSWORD_ADVICE = `At least ${PASSWORD_CHARS_MIN} characters. A few unrelated words make a good one.`;
