/** Where somebody is signed in, with the way to end a session, or all of them. */
import { Badge, Button, Group, Text, Title } from "@mantine/core";
import { useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { useState } from "react";
import { endSession, endSessions, sessionsQuery } from "../api/sessions";
import type { Session } from "../api/types";
import { ConfirmDialog } from "./ConfirmDialog";
import { type Column, DataTable } from "./DataTable";
import { describeDevice } from "./devices";
import { formatMoment, formatRelative } from "./format";
import { Surface } from "./Surface";

interface SessionListProps {
  /** Whose; the own ones without. */
  userId?: string;
  title: string;
  description: string;
  /** Of the button that ends all but the one in use. */
  endAllLabel: string;
}

export function SessionList({ userId, title, description, endAllLabel }: SessionListProps) {
  const { data: sessions } = useSuspenseQuery(sessionsQuery(userId));
  const [ending, setEnding] = useState<Session | "all" | null>(null);
  const queryClient = useQueryClient();

  const endThem = async () => {
    if (ending === null) return;
    await (ending === "all" ? endSessions(userId) : endSession(ending.id));
    await queryClient.invalidateQueries(sessionsQuery(userId));
  };

  return (
    <Surface>
      <Group justify="space-between" mb="sm">
        <div>
          <Title order={2}>{title}</Title>
          <Text c="dimmed" size="sm">
            {description}
          </Text>
        </div>
        {sessions.some(({ isCurrent }) => !isCurrent) && (
          <Button variant="default" onClick={() => setEnding("all")}>
            {endAllLabel}
          </Button>
        )}
      </Group>
      <DataTable
        caption={title}
        columns={columns(setEnding)}
        rows={sessions}
        rowKey={({ id }) => id}
        empty={<Text c="dimmed">No sessions.</Text>}
      />
      <ConfirmDialog
        isOpen={ending !== null}
        onClose={() => setEnding(null)}
        title={ending === "all" ? `${endAllLabel}?` : "End this session?"}
        confirmLabel={ending === "all" ? "End the sessions" : "End session"}
        onConfirm={endThem}
      >
        {ending === "all" ? "Each of these devices" : describeDevice(ending?.userAgent)} will have to sign in
        again, and so will the programs that were let in from there.
      </ConfirmDialog>
    </Surface>
  );
}

function columns(onEnd: (session: Session) => void): Column<Session>[] {
  return [
    { key: "device", header: "Device", cell: ({ userAgent }) => describeDevice(userAgent) },
    { key: "lastUsed", header: "Last used", cell: ({ lastUsedAt }) => formatRelative(lastUsedAt) },
    { key: "since", header: "Signed in", cell: ({ createdAt }) => formatMoment(createdAt) },
    { key: "by", header: "By", cell: ({ methods }) => describeMethods(methods) },
    {
      key: "end",
      header: "Session",
      isNumeric: true,
      cell: (session) =>
        session.isCurrent ? (
          <Badge variant="light" tt="none">
            This browser
          </Badge>
        ) : (
          <Button
            size="compact-sm"
            variant="default"
            aria-label={`End the session of ${describeDevice(session.userAgent)}`}
            onClick={() => onEnd(session)}
          >
            End
          </Button>
        ),
    },
  ];
}

/** The methods of RFC 8176 that people know by a name; the others say nothing more. */
const METHODS: Record<string, string> = {
  pwd: "password",
  otp: "code",
  hwk: "passkey",
  swk: "passkey",
  email: "email link",
};

function describeMethods(methods: string[]): string {
  const names = [...new Set(methods.flatMap((method) => METHODS[method] ?? []))].join(" and ");
  return names === "" ? "Unknown" : `${names.slice(0, 1).toUpperCase()}${names.slice(1)}`;
}
