/** The dialogs of the security section. Each asks for the password: an open session is not enough. */
import { PasswordInput, TextInput } from "@mantine/core";
import type { ReactNode } from "react";
import * as z from "zod/mini";
import { FormDialog } from "../../ui/FormDialog";
import { email, newPassword, PASSWORD_ADVICE } from "../../ui/fields";
import { changeEmail, changePassword } from "./queries";

export const ownPassword = z.string().check(z.minLength(1, "Enter your password."));

interface DialogProps {
  isOpen: boolean;
  onClose: () => void;
}

interface PasswordDialogProps extends DialogProps {
  title: string;
  description: ReactNode;
  submitLabel: string;
  isDangerous?: boolean;
  onSubmit: (password: string) => Promise<unknown>;
}

export function PasswordDialog({ onSubmit, ...props }: PasswordDialogProps) {
  return (
    <FormDialog
      {...props}
      initialValues={{ password: "" }}
      schema={z.object({ password: ownPassword })}
      onSubmit={({ password }) => onSubmit(password)}
    >
      {(form) => (
        <PasswordInput
          label="Your password"
          autoComplete="current-password"
          {...form.getInputProps("password")}
        />
      )}
    </FormDialog>
  );
}

export function ChangePasswordDialog({ onDone, ...props }: DialogProps & { onDone: () => Promise<void> }) {
  return (
    <FormDialog
      {...props}
      title="Change the password"
      description="Every other browser and program in which you are signed in has to sign in again."
      initialValues={{ currentPassword: "", newPassword: "" }}
      schema={z.object({ currentPassword: ownPassword, newPassword })}
      submitLabel="Change the password"
      onSubmit={async (passwords) => {
        await changePassword(passwords);
        await onDone();
      }}
    >
      {(form) => (
        <>
          <PasswordInput
            label="Your present password"
            autoComplete="current-password"
            {...form.getInputProps("currentPassword")}
          />
          <PasswordInput
            label="New password"
            description={PASSWORD_ADVICE}
            autoComplete="new-password"
            {...form.getInputProps("newPassword")}
          />
        </>
      )}
    </FormDialog>
  );
}

interface ChangeEmailDialogProps extends DialogProps {
  onDone: (newEmail: string) => Promise<void>;
}

export function ChangeEmailDialog({ onDone, ...props }: ChangeEmailDialogProps) {
  return (
    <FormDialog
      {...props}
      title="Change the email"
      description="A link goes to the new address. Until it is opened, the present one stays."
      initialValues={{ newEmail: "", password: "" }}
      schema={z.object({ newEmail: email, password: ownPassword })}
      submitLabel="Send the letter"
      onSubmit={async ({ newEmail, password }) => {
        await changeEmail({ newEmail: newEmail.trim(), password });
        await onDone(newEmail.trim());
      }}
    >
      {(form) => (
        <>
          <TextInput
            label="New email"
            type="email"
            autoComplete="email"
            {...form.getInputProps("newEmail")}
          />
          <PasswordInput
            label="Your password"
            autoComplete="current-password"
            {...form.getInputProps("password")}
          />
        </>
      )}
    </FormDialog>
  );
}
