import { createFileRoute } from "@tanstack/react-router";
import { customersQuery } from "../../../../api/customers";
import { AuditPage } from "../../../../features/admin/AuditPage";
import { auditQuery, readAuditSearch } from "../../../../features/admin/audit";

export const Route = createFileRoute("/_signedIn/admin/audit/")({
  validateSearch: readAuditSearch,
  loaderDeps: ({ search }) => search,
  loader: ({ context, deps }) =>
    Promise.all([
      // The log grows all the time: what was read a while ago is not the log.
      context.queryClient.fetchInfiniteQuery({ ...auditQuery(deps), staleTime: 0 }),
      context.queryClient.ensureQueryData(customersQuery),
    ]),
  component: AuditPage,
});
