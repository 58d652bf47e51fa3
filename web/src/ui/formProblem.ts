/**
 * Puts what the server says about a form where it belongs: messages about a field go under the
 * field, the rest goes to a `ProblemAlert`.
 */
import type { UseFormReturnType } from "@mantine/form";
import { isProblem } from "../api/problem";

/**
 * Sets the field errors of `error` on the form and answers what is left to show above it, or null.
 * With `fieldByCode` a conflict is laid at a field: `{ email_taken: "email" }`.
 */
export function placeProblem<Values extends object>(
  form: Pick<UseFormReturnType<Values>, "setErrors" | "getValues">,
  error: unknown,
  fieldByCode: Record<string, string & keyof Values> = {},
): unknown {
  if (!isProblem(error)) return error;

  const field = fieldByCode[error.code];
  if (field !== undefined) {
    form.setErrors({ [field]: sentence(error.detail) });
    return null;
  }

  const byField = error.errorsByField;
  const names = Object.keys(byField);
  if (names.length === 0) return error;

  form.setErrors(byField);
  const values = form.getValues();
  const isAllOnTheForm = names.every((name) => (name.split(".")[0] ?? name) in values);
  return isAllOnTheForm ? null : error;
}

/** The server's words for programs begin in lower case and have no full stop. */
function sentence(words: string): string {
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}${/[.!?]$/.test(words) ? "" : "."}`;
}
