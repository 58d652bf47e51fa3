import { createFileRoute } from "@tanstack/react-router";
import { permissionsQuery } from "../../../../api/roles";
import { NewProgramPage } from "../../../../features/admin/NewProgramPage";

export const Route = createFileRoute("/_signedIn/admin/programs/new")({
  loader: ({ context }) => context.queryClient.ensureQueryData(permissionsQuery),
  component: NewProgramPage,
});
