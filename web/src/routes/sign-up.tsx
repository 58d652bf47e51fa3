import { createFileRoute } from "@tanstack/react-router";
import { readReturnSearch } from "../app/returnPath";
import { SignUpPage } from "../features/identity/SignUpPage";

export const Route = createFileRoute("/sign-up")({
  validateSearch: readReturnSearch,
  component: SignUpPage,
});
