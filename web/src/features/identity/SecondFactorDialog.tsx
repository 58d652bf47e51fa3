/** Sets up an authenticator in three steps: password, code from the scanned secret, recovery codes. */
import { Button, CopyButton, Group, Modal, PasswordInput, Stack, Text, TextInput } from "@mantine/core";
import { lazy, Suspense, useState } from "react";
import * as z from "zod/mini";
import type { NewTotp } from "../../api/types";
import { DialogForm } from "../../ui/FormDialog";
import styles from "./identity.module.css";
import { beginTotp, confirmTotp } from "./queries";
import { ownPassword } from "./securityDialogs";

const QrCode = lazy(() => import("../../ui/QrCode"));

const passwordSchema = z.object({ password: ownPassword });
const codeSchema = z.object({
  code: z.string().check(z.trim(), z.regex(/^\d{3} ?\d{3}$/, "Enter the six digits.")),
});

type Step = { name: "password" } | { name: "scan"; totp: NewTotp } | { name: "codes"; codes: string[] };
const FIRST: Step = { name: "password" };

interface SecondFactorDialogProps {
  isOpen: boolean;
  onClose: () => void;
  /** The second step is on and the recovery codes are kept. */
  onDone: () => Promise<void>;
}

export function SecondFactorDialog({ isOpen, onClose, onDone }: SecondFactorDialogProps) {
  const [step, setStep] = useState<Step>(FIRST);
  // The codes are never shown again, so a slip of the finger must not close them.
  const mayClose = step.name !== "codes";
  const finish = () => {
    onClose();
    void onDone();
  };

  return (
    <Modal
      opened={isOpen}
      onClose={onClose}
      onExitTransitionEnd={() => setStep(FIRST)}
      title={step.name === "codes" ? "Keep your recovery codes" : "Set up an authenticator"}
      closeOnClickOutside={mayClose}
      closeOnEscape={mayClose}
      withCloseButton={mayClose}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      {step.name === "password" && (
        <AskPassword onClose={onClose} onBegun={(totp) => setStep({ name: "scan", totp })} />
      )}
      {step.name === "scan" && (
        <Scan totp={step.totp} onClose={onClose} onConfirmed={(codes) => setStep({ name: "codes", codes })} />
      )}
      {step.name === "codes" && <RecoveryCodes codes={step.codes} onKept={finish} />}
    </Modal>
  );
}

function AskPassword({ onClose, onBegun }: { onClose: () => void; onBegun: (totp: NewTotp) => void }) {
  return (
    <DialogForm
      description="An authenticator is a program on your phone that shows a new code every half minute."
      initialValues={{ password: "" }}
      schema={passwordSchema}
      submitLabel="Go on"
      onSubmit={async ({ password }) => onBegun(await beginTotp(password))}
      onGoBack={onClose}
    >
      {(form) => (
        <PasswordInput
          label="Your password"
          autoComplete="current-password"
          {...form.getInputProps("password")}
        />
      )}
    </DialogForm>
  );
}

interface ScanProps {
  totp: NewTotp;
  onClose: () => void;
  onConfirmed: (codes: string[]) => void;
}

function Scan({ totp, onClose, onConfirmed }: ScanProps) {
  return (
    <DialogForm
      description="Scan this with your authenticator, or type the key below into it. Then enter the code that it shows."
      initialValues={{ code: "" }}
      schema={codeSchema}
      submitLabel="Confirm"
      onSubmit={async ({ code }) => onConfirmed(await confirmTotp(code.replaceAll(" ", "")))}
      onGoBack={onClose}
    >
      {(form) => (
        <>
          <div className={styles.qr}>
            <Suspense>
              <QrCode content={totp.otpauthUri} title="QR code for your authenticator" />
            </Suspense>
          </div>
          <div>
            <Text size="sm" fw={600}>
              Key
            </Text>
            <code className={styles.secret}>{totp.secret}</code>
          </div>
          <TextInput
            label="Code"
            inputMode="numeric"
            autoComplete="one-time-code"
            {...form.getInputProps("code")}
          />
        </>
      )}
    </DialogForm>
  );
}

function RecoveryCodes({ codes, onKept }: { codes: string[]; onKept: () => void }) {
  const text = `${codes.join("\n")}\n`;
  return (
    <Stack>
      <Text>
        If you lose your phone, each of these opens your account once. Keep them where your password is not;
        they are not shown again.
      </Text>
      <ul className={styles.codes} aria-label="Recovery codes">
        {codes.map((code) => (
          <li key={code}>
            <code>{code}</code>
          </li>
        ))}
      </ul>
      <Group gap="sm">
        <CopyButton value={text}>
          {({ copied, copy }) => (
            <Button variant="default" onClick={copy}>
              {copied ? "Copied" : "Copy"}
            </Button>
          )}
        </CopyButton>
        <Button
          variant="default"
          component="a"
          href={`data:text/plain;charset=utf-8,${encodeURIComponent(text)}`}
          download="backline-recovery-codes.txt"
        >
          Download
        </Button>
        <Button ml="auto" onClick={onKept}>
          I have kept them
        </Button>
      </Group>
    </Stack>
  );
}
