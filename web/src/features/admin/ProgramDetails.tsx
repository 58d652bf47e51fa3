/** What of a program's registration most leave as it is: how it proves who it is, its tokens, signing out. */
import { Checkbox, Select, Stack, Textarea, type TextareaProps, TextInput } from "@mantine/core";
import styles from "./admin.module.css";
import type { ProgramFormState } from "./ProgramForm";
import { ID_TOKEN_ALGORITHMS, isConfidential, PROOFS, signsInByBrowser } from "./programs";

interface ProgramDetailsProps {
  form: ProgramFormState;
  isOpen: boolean;
  onToggle: (isOpen: boolean) => void;
}

export function ProgramDetails({ form, isOpen, onToggle }: ProgramDetailsProps) {
  const { kind } = form.values;
  return (
    <details
      className={styles.details}
      open={isOpen}
      onToggle={({ currentTarget }) => onToggle(currentTarget.open)}
    >
      <summary>More settings</summary>
      <Stack mt="sm">
        {isConfidential(kind) && <Proof form={form} />}
        <Checkbox
          label="Its access tokens work only with its key"
          description="Whoever steals a token cannot use it. The program has to know DPoP (RFC 9449)."
          {...form.getInputProps("isBound", { type: "checkbox" })}
        />
        {kind !== "service" && <SigningIn form={form} />}
        {signsInByBrowser(kind) && <SigningOut form={form} />}
      </Stack>
    </details>
  );
}

function Proof({ form }: { form: ProgramFormState }) {
  return (
    <>
      <Select
        label="How it proves who it is"
        data={PROOFS}
        allowDeselect={false}
        {...form.getInputProps("proof")}
      />
      {form.values.proof === "private_key_jwt" && (
        <Textarea
          label="Its public keys"
          description="A JSON Web Key Set. The private keys stay with the program."
          placeholder='{ "keys": [ … ] }'
          autosize
          minRows={3}
          maxRows={14}
          spellCheck={false}
          {...form.getInputProps("keys")}
        />
      )}
    </>
  );
}

function SigningIn({ form }: { form: ProgramFormState }) {
  return (
    <>
      <Select
        label="Signature of its ID tokens"
        description="Every program reads RS256."
        data={ID_TOKEN_ALGORITHMS}
        allowDeselect={false}
        {...form.getInputProps("idTokenAlgorithm")}
      />
      <Checkbox
        label="It belongs to us"
        description="People are not asked whether it may have what it asks for."
        {...form.getInputProps("isFirstParty", { type: "checkbox" })}
      />
    </>
  );
}

function SigningOut({ form }: { form: ProgramFormState }) {
  return (
    <>
      <AddressesInput
        label="Addresses after signing out"
        description="Where the program may send people when they sign out; one address per line."
        placeholder="https://shop.example.org/"
        {...form.getInputProps("afterSignOut")}
      />
      <TextInput
        label="Address for sign-outs"
        description="Told, server to server, when somebody's session ends (back-channel logout)."
        placeholder="https://shop.example.org/signed-out"
        type="url"
        autoCapitalize="none"
        spellCheck={false}
        {...form.getInputProps("logoutAddress")}
      />
    </>
  );
}

/** Several addresses, one a line. */
export function AddressesInput(props: TextareaProps) {
  return <Textarea autosize minRows={2} autoCapitalize="none" spellCheck={false} {...props} />;
}
