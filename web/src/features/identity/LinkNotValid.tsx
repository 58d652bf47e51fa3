/** What a page says that was opened by a link which does not work, and the way to another letter. */
import type { ReactNode } from "react";
import { EmptyState } from "../../ui/EmptyState";
import { useDocumentTitle } from "../../ui/PageHeader";

export function LinkNotValid({ action }: { action: ReactNode }) {
  useDocumentTitle("Link not valid");
  return (
    <div role="alert">
      <EmptyState icon="warning" title="This link does not work any more" level={1} action={action}>
        It has been used, it is too old, or a newer letter was sent. Only the link of the latest letter works,
        and only when it is whole.
      </EmptyState>
    </div>
  );
}
