import { createFileRoute } from "@tanstack/react-router";
import { readReturnSearch } from "../app/returnPath";
import { SignInPage } from "../features/identity/SignInPage";

export const Route = createFileRoute("/sign-in")({
  validateSearch: readReturnSearch,
  component: SignInPage,
});
