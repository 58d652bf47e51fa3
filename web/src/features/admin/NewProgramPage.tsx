/** Registers a program, then shows what it signs in with. */
import { Button, Stack } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { PageHeader } from "../../ui/PageHeader";
import { Surface } from "../../ui/Surface";
import { ProgramForm } from "./ProgramForm";
import { ProgramSecret } from "./ProgramSecret";
import { type ProgramFields, programsQuery, type Registration, registerProgram } from "./programs";

export function NewProgramPage() {
  const [registered, setRegistered] = useState<Registration | null>(null);
  const queryClient = useQueryClient();
  const submit = async (fields: ProgramFields) => {
    setRegistered(await registerProgram(fields));
    await queryClient.invalidateQueries(programsQuery);
  };

  if (registered !== null) return <Registered program={registered} />;
  return (
    <>
      <PageHeader title="Register a program" />
      <ProgramForm submitLabel="Register" onSubmit={submit}>
        <Button variant="default" renderRoot={(props) => <Link to="/admin/programs" {...props} />}>
          Go back
        </Button>
      </ProgramForm>
    </>
  );
}

function Registered({ program }: { program: Registration }) {
  return (
    <>
      <PageHeader title={`${program.client_name} is registered`} />
      <Surface>
        <Stack align="flex-start">
          <ProgramSecret clientId={program.client_id} secret={program.client_secret} />
          <Button renderRoot={(props) => <Link to="/admin/programs" {...props} />}>Go to the programs</Button>
        </Stack>
      </Surface>
    </>
  );
}
