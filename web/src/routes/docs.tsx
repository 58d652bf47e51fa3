import { createFileRoute } from "@tanstack/react-router";
import { DocsPage } from "../features/docs/DocsPage";
import { openApiQuery } from "../features/docs/queries";

interface DocsSearch {
  q?: string;
}

export const Route = createFileRoute("/docs")({
  validateSearch: ({ q }: Record<string, unknown>): DocsSearch => (q ? { q: String(q) } : {}),
  loader: ({ context }) => context.queryClient.ensureQueryData(openApiQuery),
  component: DocsPage,
});
