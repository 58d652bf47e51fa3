import { createFileRoute } from "@tanstack/react-router";
import { readLinkSearch } from "../app/linkSearch";
import { ResetPasswordPage } from "../features/identity/ResetPasswordPage";

export const Route = createFileRoute("/reset-password")({
  validateSearch: readLinkSearch,
  component: ResetPasswordPage,
});
