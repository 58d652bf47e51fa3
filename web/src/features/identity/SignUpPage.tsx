/** Makes an account and signs its owner in right away. */
import { Anchor, Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, useRouter } from "@tanstack/react-router";
import { IdentityCard } from "./IdentityCard";
import { NewAccountForm } from "./NewAccountForm";
import { signUp } from "./queries";

const route = getRouteApi("/sign-up");

export function SignUpPage() {
  const search = route.useSearch();
  const router = useRouter();
  const queryClient = useQueryClient();

  return (
    <IdentityCard title="Make an account" description="One account for tickets, crew work and organising.">
      <NewAccountForm
        submitLabel="Make the account"
        onSubmit={(account) => signUp(queryClient, account)}
        onDone={() => router.history.push(search.return ?? "/")}
      />
      <Text size="sm" ta="center" mt="md">
        Have one already?{" "}
        <Anchor
          inherit
          underline="always"
          renderRoot={(props) => <Link to="/sign-in" search={search} {...props} />}
        >
          Sign in
        </Anchor>
      </Text>
    </IdentityCard>
  );
}
