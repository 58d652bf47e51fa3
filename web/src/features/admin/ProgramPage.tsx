/** One registered program: its settings, its secret, and the ways to stop it. */
import { Button, Group, Stack, Text, Title } from "@mantine/core";
import { useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { ConfirmDialog } from "../../ui/ConfirmDialog";
import { formatMoment } from "../../ui/format";
import { PageHeader } from "../../ui/PageHeader";
import { Surface } from "../../ui/Surface";
import { ProgramForm } from "./ProgramForm";
import { ProgramSecret } from "./ProgramSecret";
import { ProgramState } from "./ProgramsPage";
import {
  changeProgram,
  fieldsOf,
  KINDS,
  kindOf,
  type ProgramFields,
  programQuery,
  programsQuery,
  type Registration,
  removeProgram,
  renewSecret,
  turnProgram,
} from "./programs";

const route = getRouteApi("/_signedIn/admin/programs/$clientId");

export function ProgramPage() {
  const { clientId } = route.useParams();
  const { data: program } = useSuspenseQuery(programQuery(clientId));
  const registeredAt = new Date(program.client_id_issued_at * 1000).toISOString();
  return (
    <>
      <PageHeader
        title={program.client_name}
        description={`${KINDS[kindOf(program)].label}, registered ${formatMoment(registeredAt)}.`}
        actions={<ProgramState isOn={program.backline_active} />}
      />
      <Stack gap="lg">
        <Settings key={clientId} program={program} />
        <Secret program={program} />
        <State program={program} />
      </Stack>
    </>
  );
}

function Settings({ program }: { program: Registration }) {
  const [isSaved, setIsSaved] = useState(false);
  const queryClient = useQueryClient();
  const save = async (fields: ProgramFields) => {
    setIsSaved(false);
    const changed = await changeProgram(program, fields);
    queryClient.setQueryData(programQuery(program.client_id).queryKey, changed);
    await queryClient.invalidateQueries(programsQuery);
    setIsSaved(true);
  };
  return (
    <ProgramForm program={fieldsOf(program)} submitLabel="Save" onSubmit={save}>
      <Button variant="default" renderRoot={(props) => <Link to="/admin/programs" {...props} />}>
        Go back
      </Button>
      <Text role="status" size="sm" c="dimmed">
        {isSaved && "Saved"}
      </Text>
    </ProgramForm>
  );
}

function Secret({ program }: { program: Registration }) {
  const [isAsking, setIsAsking] = useState(false);
  const [secret, setSecret] = useState<string>();
  const hasSecret = program.token_endpoint_auth_method.startsWith("client_secret");
  return (
    <Surface>
      <Stack align="flex-start">
        <Title order={2}>What it signs in with</Title>
        <ProgramSecret clientId={program.client_id} secret={secret} />
        {hasSecret && (
          <Button variant="default" onClick={() => setIsAsking(true)}>
            New secret
          </Button>
        )}
      </Stack>
      <ConfirmDialog
        isOpen={isAsking}
        onClose={() => setIsAsking(false)}
        title="Make a new secret?"
        confirmLabel="Make a new secret"
        isDangerous={false}
        onConfirm={async () => setSecret(await renewSecret(program.client_id))}
      >
        The present secret works for one more day. Give the program the new one before that.
      </ConfirmDialog>
    </Surface>
  );
}

function State({ program }: { program: Registration }) {
  const [asked, setAsked] = useState<"turn" | "remove" | null>(null);
  const queryClient = useQueryClient();
  const navigate = useNavigate();
  const isOn = program.backline_active;
  const close = () => setAsked(null);

  const turn = async () => {
    const changed = await turnProgram(program, !isOn);
    queryClient.setQueryData(programQuery(program.client_id).queryKey, changed);
    await queryClient.invalidateQueries(programsQuery);
  };
  const remove = async () => {
    await removeProgram(program.client_id);
    queryClient.removeQueries(programsQuery);
    await navigate({ to: "/admin/programs" });
    queryClient.removeQueries(programQuery(program.client_id));
  };

  return (
    <Surface>
      <Title order={2}>Stop it</Title>
      <Text c="dimmed" size="sm" mb="sm">
        A disabled program can be enabled again; a removed one has to be registered anew.
      </Text>
      <Group gap="sm">
        <Button variant="default" onClick={() => setAsked("turn")}>
          {isOn ? "Disable" : "Enable"}
        </Button>
        <Button color="red" variant="light" onClick={() => setAsked("remove")}>
          Remove the program
        </Button>
      </Group>
      <ConfirmDialog
        isOpen={asked === "turn"}
        onClose={close}
        title={isOn ? "Disable this program?" : "Enable this program?"}
        confirmLabel={isOn ? "Disable" : "Enable"}
        isDangerous={isOn}
        onConfirm={turn}
      >
        {isOn
          ? "Nobody can sign in to it, and whoever is signed in to it now is not any more."
          : "People can sign in to it again."}
      </ConfirmDialog>
      <ConfirmDialog
        isOpen={asked === "remove"}
        onClose={close}
        title="Remove this program?"
        confirmLabel="Remove the program"
        onConfirm={remove}
      >
        {program.client_name} loses all access, and its client ID never works again.
      </ConfirmDialog>
    </Surface>
  );
}
