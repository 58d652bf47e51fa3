/** The passkeys of the own account: added, renamed and taken away; and why there can be none here. */
import { Alert, Anchor, Button, Group, PasswordInput, Text, TextInput, Title } from "@mantine/core";
import { useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { useState } from "react";
import * as z from "zod/mini";
import type { Passkey } from "../../api/types";
import { type Column, DataTable } from "../../ui/DataTable";
import { describeDevice } from "../../ui/devices";
import { FormDialog } from "../../ui/FormDialog";
import { formatMoment, formatRelative } from "../../ui/format";
import { Icon } from "../../ui/icons";
import { Surface } from "../../ui/Surface";
import styles from "./identity.module.css";
import { findPasskeyObstacle, type PasskeyObstacle } from "./passkeys";
import { addPasskey, passkeysQuery, removePasskey, renamePasskey, securityQuery } from "./queries";
import { ownPassword, PasswordDialog } from "./securityDialogs";

const NAME_CHARS_MAX = 100;
const name = z
  .string()
  .check(z.trim(), z.minLength(1, "Enter a name for it."), z.maxLength(NAME_CHARS_MAX, "That is too long."));

type Dialog = { kind: "add" } | { kind: "rename"; passkey: Passkey } | { kind: "remove"; passkey: Passkey };

export function PasskeyList() {
  const { data } = useSuspenseQuery(passkeysQuery);
  const { data: security } = useSuspenseQuery(securityQuery);
  const obstacle = findPasskeyObstacle(security.passkeyOrigin);
  const [dialog, setDialog] = useState<Dialog | null>(null);
  const [notice, setNotice] = useState("");
  const queryClient = useQueryClient();
  const open = (next: Dialog) => {
    setNotice("");
    setDialog(next);
  };
  const tell = async (words: string) => {
    setNotice(words);
    await queryClient.invalidateQueries(passkeysQuery);
  };
  const propsOf = (kind: Dialog["kind"]) => ({
    isOpen: dialog?.kind === kind,
    onClose: () => setDialog(null),
  });
  const chosen = dialog !== null && dialog.kind !== "add" ? dialog.passkey : null;

  return (
    <Surface>
      <Group justify="space-between" align="flex-start">
        <div className={styles.passkeyWords}>
          <Title order={2}>Passkeys</Title>
          <Text c="dimmed" size="sm">
            Sign in with your finger, your face or the PIN of your device: no password, no code.
          </Text>
        </div>
        {obstacle === null && (
          <Button
            variant="default"
            leftSection={<Icon name="plus" size={16} />}
            onClick={() => open({ kind: "add" })}
          >
            Add a passkey
          </Button>
        )}
      </Group>
      <div role="status">
        {notice && (
          <Alert className={styles.notice} color="green" icon={<Icon name="check" />}>
            {notice}
          </Alert>
        )}
      </div>
      {obstacle && <Obstacle obstacle={obstacle} />}
      <DataTable
        caption="Your passkeys"
        columns={columns(open)}
        rows={data.items}
        rowKey={({ id }) => id}
        empty={
          <Text c="dimmed" mt="sm">
            You have no passkey yet.
          </Text>
        }
      />

      <AddDialog
        {...propsOf("add")}
        onDone={(added) => tell(`“${added}” opens your account from now on. A letter says so as well.`)}
      />
      <RenameDialog
        {...propsOf("rename")}
        passkey={chosen}
        onDone={() => tell("The passkey has its new name.")}
      />
      <PasswordDialog
        {...propsOf("remove")}
        title="Remove this passkey?"
        description={
          <>
            “{chosen?.name}” does not open your account any more. Delete it on the device or in the password
            manager as well.
          </>
        }
        submitLabel="Remove"
        isDangerous
        onSubmit={async (password) => {
          if (chosen === null) return;
          await removePasskey(chosen.id, password);
          await tell("The passkey is removed.");
        }}
      />
    </Surface>
  );
}

function columns(open: (dialog: Dialog) => void): Column<Passkey>[] {
  return [
    { key: "name", header: "Name", isTitle: true, cell: ({ name }) => <Text fw={600}>{name}</Text> },
    { key: "added", header: "Added", cell: ({ createdAt }) => formatMoment(createdAt) },
    {
      key: "used",
      header: "Last used",
      cell: ({ lastUsedAt }) => (lastUsedAt === null ? "Never" : formatRelative(lastUsedAt)),
    },
    {
      key: "change",
      header: "Change",
      isNumeric: true,
      cell: (passkey) => (
        <Group gap="xs" justify="flex-end" wrap="nowrap">
          <Button
            size="compact-sm"
            variant="default"
            aria-label={`Rename ${passkey.name}`}
            onClick={() => open({ kind: "rename", passkey })}
          >
            Rename
          </Button>
          <Button
            size="compact-sm"
            variant="default"
            aria-label={`Remove ${passkey.name}`}
            onClick={() => open({ kind: "remove", passkey })}
          >
            Remove
          </Button>
        </Group>
      ),
    },
  ];
}

function Obstacle({ obstacle }: { obstacle: PasskeyObstacle }) {
  return (
    <Alert mt="sm" color="blue" icon={<Icon name="shield" />}>
      {obstacle.kind === "nowhere" &&
        "This site is opened by a number or without encryption, and browsers have no passkeys for such addresses. Whoever runs it can give it a name and HTTPS."}
      {obstacle.kind === "elsewhere" && (
        <>
          Browsers have no passkeys for this address. Open{" "}
          <Anchor inherit underline="always" href={`${obstacle.origin}/account`}>
            {obstacle.origin}/account
          </Anchor>{" "}
          to add one.
        </>
      )}
      {obstacle.kind === "browser" &&
        "This browser has no passkeys. Open this page in a newer one, or on your phone."}
    </Alert>
  );
}

interface DialogProps<Done> {
  isOpen: boolean;
  onClose: () => void;
  onDone: Done;
}

function AddDialog({ onDone, ...props }: DialogProps<(name: string) => Promise<void>>) {
  return (
    <FormDialog
      {...props}
      title="Add a passkey"
      description="Your browser asks next where to keep it: on this device, in a password manager, on a phone or a security key."
      initialValues={{ name: describeDevice(navigator.userAgent), password: "" }}
      schema={z.object({ name, password: ownPassword })}
      submitLabel="Go on"
      onSubmit={async (values) => {
        await addPasskey(values.name.trim(), values.password);
        await onDone(values.name.trim());
      }}
    >
      {(form) => (
        <>
          <TextInput
            label="Name"
            description="By which you recognise it in the list."
            autoComplete="off"
            {...form.getInputProps("name")}
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

function RenameDialog({
  passkey,
  onDone,
  ...props
}: DialogProps<() => Promise<void>> & { passkey: Passkey | null }) {
  return (
    <FormDialog
      {...props}
      title="Rename this passkey"
      initialValues={{ name: passkey?.name ?? "" }}
      schema={z.object({ name })}
      submitLabel="Rename"
      onSubmit={async (values) => {
        if (passkey === null) return;
        await renamePasskey(passkey.id, values.name.trim());
        await onDone();
      }}
    >
      {(form) => <TextInput label="Name" autoComplete="off" {...form.getInputProps("name")} />}
    </FormDialog>
  );
}
