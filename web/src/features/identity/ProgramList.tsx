/** The programs a person let use their account, with the way to withdraw it. */
import { Button, Text, Title } from "@mantine/core";
import { useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Consent } from "../../api/types";
import { ConfirmDialog } from "../../ui/ConfirmDialog";
import { type Column, DataTable } from "../../ui/DataTable";
import { formatMoment } from "../../ui/format";
import { Surface } from "../../ui/Surface";
import { consentsQuery, withdrawConsent } from "./queries";
import { wordsForScopes } from "./scopes";

export function ProgramList() {
  const { data } = useSuspenseQuery(consentsQuery);
  const [withdrawing, setWithdrawing] = useState<Consent | null>(null);
  const queryClient = useQueryClient();

  const withdraw = async () => {
    if (withdrawing === null) return;
    await withdrawConsent(withdrawing.clientId);
    await queryClient.invalidateQueries(consentsQuery);
  };

  const columns: Column<Consent>[] = [
    { key: "program", header: "Program", isTitle: true, cell: ({ clientName }) => <b>{clientName}</b> },
    { key: "scopes", header: "May", cell: ({ scopes }) => wordsForScopes(scopes) },
    { key: "since", header: "Allowed", cell: ({ givenAt }) => formatMoment(givenAt) },
    {
      key: "withdraw",
      header: "Access",
      isNumeric: true,
      cell: (consent) => (
        <Button
          size="compact-sm"
          variant="default"
          aria-label={`Withdraw the access of ${consent.clientName}`}
          onClick={() => setWithdrawing(consent)}
        >
          Withdraw
        </Button>
      ),
    },
  ];

  return (
    <Surface>
      <Title order={2}>Programs</Title>
      <Text c="dimmed" size="sm" mb="sm">
        What you let use your account, by signing in to it with Backline.
      </Text>
      <DataTable
        caption="Programs with access to your account"
        columns={columns}
        rows={data.items}
        rowKey={({ clientId }) => clientId}
        empty={<Text>No program has access to your account.</Text>}
      />
      <ConfirmDialog
        isOpen={withdrawing !== null}
        onClose={() => setWithdrawing(null)}
        title="Withdraw this access?"
        confirmLabel="Withdraw"
        onConfirm={withdraw}
      >
        {withdrawing?.clientName} can do nothing more for you, and asks again the next time you sign in to it.
      </ConfirmDialog>
    </Surface>
  );
}
