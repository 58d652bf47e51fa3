/** How the own account is protected: email, password, second step; each with the way to change it. */
import { Alert, Badge, Button, Group, Text, Title } from "@mantine/core";
import { useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { User } from "../../api/types";
import { formatMoment, formatQuantity } from "../../ui/format";
import { Icon } from "../../ui/icons";
import { Surface } from "../../ui/Surface";
import styles from "./identity.module.css";
import { changeEmail, removeTotp, securityQuery } from "./queries";
import { SecondFactorDialog } from "./SecondFactorDialog";
import { ChangeEmailDialog, ChangePasswordDialog, PasswordDialog } from "./securityDialogs";

type Dialog = "letter" | "email" | "password" | "addTotp" | "removeTotp";

export function SecuritySection({ me }: { me: User }) {
  const { data: security } = useSuspenseQuery(securityQuery);
  const [dialog, setDialog] = useState<Dialog | null>(null);
  const [notice, setNotice] = useState<string | null>(null);
  const queryClient = useQueryClient();
  const open = (which: Dialog) => () => {
    setNotice(null);
    setDialog(which);
  };
  const propsOf = (which: Dialog) => ({ isOpen: dialog === which, onClose: () => setDialog(null) });
  const tell = async (words: string) => {
    setNotice(words);
    await queryClient.invalidateQueries(securityQuery);
  };

  return (
    <Surface>
      <Title order={2}>Security</Title>
      <div role="status">
        {notice && (
          <Alert ref={bringIntoView} className={styles.notice} color="green" icon={<Icon name="check" />}>
            {notice}
          </Alert>
        )}
      </div>
      <Row
        title="Email"
        badge={<State isGood={security.emailVerified} good="Confirmed" bad="Not confirmed" />}
        words={me.email}
      >
        {!security.emailVerified && (
          <Button variant="default" onClick={open("letter")}>
            Send the letter again
          </Button>
        )}
        <Button variant="default" onClick={open("email")}>
          Change the email
        </Button>
      </Row>
      <Row title="Password" words={`Chosen ${formatMoment(security.passwordChangedAt)}.`}>
        <Button variant="default" onClick={open("password")}>
          Change the password
        </Button>
      </Row>
      <Row
        title="Second step"
        badge={<State isGood={security.hasTotp} good="On" bad="Off" />}
        words={wordsForSecondStep(security)}
      >
        <Button variant="default" onClick={open(security.hasTotp ? "removeTotp" : "addTotp")}>
          {security.hasTotp ? "Turn off" : "Set up an authenticator"}
        </Button>
      </Row>

      <PasswordDialog
        {...propsOf("letter")}
        title="Send the letter again?"
        description={`A new link to confirm the address goes to ${me.email}. Older ones stop working.`}
        submitLabel="Send the letter"
        onSubmit={async (password) => {
          await changeEmail({ password, newEmail: me.email });
          await tell(`A letter is on its way to ${me.email}.`);
        }}
      />
      <ChangeEmailDialog
        {...propsOf("email")}
        onDone={(email) =>
          tell(`A letter is on its way to ${email}. The address counts once its link is opened.`)
        }
      />
      <ChangePasswordDialog
        {...propsOf("password")}
        onDone={() => tell("Your password is changed. Every other browser is signed out.")}
      />
      <SecondFactorDialog
        {...propsOf("addTotp")}
        onDone={() => tell("From now on, signing in takes a code of your authenticator.")}
      />
      <PasswordDialog
        {...propsOf("removeTotp")}
        title="Turn off the second step?"
        description="Whoever knows your password can sign in then. Your recovery codes stop working as well."
        submitLabel="Turn off"
        isDangerous
        onSubmit={async (password) => {
          await removeTotp(password);
          await tell("The second step is off.");
        }}
      />
    </Surface>
  );
}

interface RowProps {
  title: string;
  badge?: ReactNode;
  words: string;
  children: ReactNode;
}

function Row({ title, badge, words, children }: RowProps) {
  return (
    <section className={styles.row} aria-label={title}>
      <div>
        <Group gap="xs">
          <Title order={3}>{title}</Title>
          {badge}
        </Group>
        <Text size="sm" c="dimmed">
          {words}
        </Text>
      </div>
      <Group gap="sm">{children}</Group>
    </section>
  );
}

function State({ isGood, good, bad }: { isGood: boolean; good: string; bad: string }) {
  return (
    <Badge variant="light" color={isGood ? "green" : "gray"} tt="none">
      {isGood ? good : bad}
    </Badge>
  );
}

function wordsForSecondStep({ hasTotp, recoveryCodesLeft }: { hasTotp: boolean; recoveryCodesLeft: number }) {
  if (!hasTotp) return "With it, a stolen password alone opens nothing.";
  return `Signing in takes a code of your authenticator. ${formatQuantity(recoveryCodesLeft, "recovery code")} left.`;
}

/** On a phone the button that led to the notice may be far below it. */
function bringIntoView(notice: HTMLElement | null) {
  notice?.scrollIntoView?.({ block: "nearest" });
}
