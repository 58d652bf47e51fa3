/** Routes under `_signedIn/` need a session; a visitor is sent to sign in and comes back after. */
import { createFileRoute, redirect } from "@tanstack/react-router";
import { meQuery } from "../api/me";

export const Route = createFileRoute("/_signedIn")({
  beforeLoad: async ({ context, location }) => {
    const me = await context.queryClient.ensureQueryData(meQuery);
    if (me === null) throw redirect({ to: "/sign-in", search: { return: location.href } });
    return { me };
  },
});
