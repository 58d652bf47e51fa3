import { createFileRoute } from "@tanstack/react-router";
import { permissionsQuery } from "../../../../api/roles";
import { ProgramPage } from "../../../../features/admin/ProgramPage";
import { programQuery } from "../../../../features/admin/programs";

export const Route = createFileRoute("/_signedIn/admin/programs/$clientId")({
  loader: ({ context, params }) =>
    Promise.all([
      context.queryClient.fetchQuery({ ...programQuery(params.clientId), staleTime: 0 }),
      context.queryClient.ensureQueryData(permissionsQuery),
    ]),
  component: ProgramPage,
});
