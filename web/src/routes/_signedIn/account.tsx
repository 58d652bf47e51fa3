import { createFileRoute } from "@tanstack/react-router";
import { sessionsQuery } from "../../api/sessions";
import { AccountPage } from "../../features/identity/AccountPage";
import { consentsQuery, passkeysQuery, securityQuery } from "../../features/identity/queries";

export const Route = createFileRoute("/_signedIn/account")({
  loader: ({ context }) =>
    Promise.all([
      context.queryClient.ensureQueryData(sessionsQuery()),
      context.queryClient.ensureQueryData(securityQuery),
      context.queryClient.ensureQueryData(passkeysQuery),
      context.queryClient.ensureQueryData(consentsQuery),
    ]),
  component: AccountPage,
});
