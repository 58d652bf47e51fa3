import { createFileRoute } from "@tanstack/react-router";
import { NewCustomerPage } from "../../../../features/admin/CustomerPages";

export const Route = createFileRoute("/_signedIn/admin/customers/new")({ component: NewCustomerPage });
