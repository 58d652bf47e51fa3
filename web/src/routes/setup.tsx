import { createFileRoute } from "@tanstack/react-router";
import { readLinkSearch } from "../app/linkSearch";
import { setupQuery } from "../features/identity/queries";
import { SetupPage } from "../features/identity/SetupPage";

export const Route = createFileRoute("/setup")({
  validateSearch: readLinkSearch,
  loader: ({ context }) => context.queryClient.ensureQueryData(setupQuery),
  component: SetupPage,
});
