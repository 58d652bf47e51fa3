/** Asks for the second step of signing in: the code of an authenticator, or a recovery code. */
import { Text, TextInput, type TextInputProps } from "@mantine/core";

/** The children say what was right so far. */
export function CodeField({ children, ...props }: TextInputProps) {
  return (
    <>
      <Text role="status">{children}</Text>
      <TextInput
        ref={takeFocus}
        label="Code"
        description="The six digits that your authenticator shows, or one of your recovery codes."
        autoComplete="one-time-code"
        autoCapitalize="none"
        spellCheck={false}
        {...props}
      />
    </>
  );
}

/** The field takes the place of those in which one was typing. */
function takeFocus(input: HTMLInputElement | null) {
  input?.focus();
}
