import { createFileRoute } from "@tanstack/react-router";
import { readLinkSearch } from "../app/linkSearch";
import { VerifyEmailPage } from "../features/identity/VerifyEmailPage";

export const Route = createFileRoute("/verify-email")({
  validateSearch: readLinkSearch,
  component: VerifyEmailPage,
});
