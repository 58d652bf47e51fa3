import { createFileRoute } from "@tanstack/react-router";
import { readLinkSearch } from "../app/linkSearch";
import { SignInLinkPage } from "../features/identity/SignInLinkPage";

export const Route = createFileRoute("/sign-in-link")({
  validateSearch: readLinkSearch,
  component: SignInLinkPage,
});
