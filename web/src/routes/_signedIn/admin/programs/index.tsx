import { createFileRoute } from "@tanstack/react-router";
import { ProgramsPage } from "../../../../features/admin/ProgramsPage";
import { programsQuery } from "../../../../features/admin/programs";

export const Route = createFileRoute("/_signedIn/admin/programs/")({
  loader: ({ context }) => context.queryClient.ensureQueryData(programsQuery),
  component: ProgramsPage,
});
