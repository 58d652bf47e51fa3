/** The organisers and crew companies of this installation. */
import { Badge, Button, Text, TextInput } from "@mantine/core";
import { useSuspenseQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { customersQuery } from "../../api/customers";
import type { Customer } from "../../api/types";
import { type Column, DataTable } from "../../ui/DataTable";
import { EmptyState } from "../../ui/EmptyState";
import { Icon } from "../../ui/icons";
import { PageHeader } from "../../ui/PageHeader";
import { Surface } from "../../ui/Surface";
import styles from "./admin.module.css";
import { CUSTOMER_TYPES } from "./words";

const route = getRouteApi("/_signedIn/admin/customers/");
const ROWS_AT_ONCE = 50;

const COLUMNS: Column<Customer>[] = [
  {
    key: "customer",
    header: "Customer",
    isTitle: true,
    cell: ({ id, name, orgNumber }) => (
      <div>
        <Link to="/admin/customers/$customerId" params={{ customerId: id }} className={styles.rowLink}>
          {name}
        </Link>
        <Text size="sm" c="dimmed">
          {orgNumber}
        </Text>
      </div>
    ),
  },
  { key: "type", header: "Type", cell: ({ customerType }) => CUSTOMER_TYPES[customerType] },
  {
    key: "contact",
    header: "Contact",
    cell: ({ email, phone }) => (
      <Text size="sm" c="dimmed">
        {[email, phone].filter(Boolean).join(", ") || "None"}
      </Text>
    ),
  },
  {
    key: "state",
    header: "State",
    cell: ({ isActive }) => (
      <Badge className={styles.state} variant="light" color={isActive ? "green" : "red"} tt="none">
        {isActive ? "Active" : "Deactivated"}
      </Badge>
    ),
  },
];

export function CustomersPage() {
  const { q = "", shown = ROWS_AT_ONCE } = route.useSearch();
  const navigate = route.useNavigate();
  const { data: customers } = useSuspenseQuery(customersQuery);
  const wanted = q.toLowerCase();
  const found = customers.filter(({ name, orgNumber }) =>
    `${name} ${orgNumber}`.toLowerCase().includes(wanted),
  );

  return (
    <>
      <PageHeader
        title="Customers"
        description="Organisers and crew companies."
        actions={
          <Button
            leftSection={<Icon name="plus" size={18} />}
            renderRoot={(props) => <Link to="/admin/customers/new" {...props} />}
          >
            Enter a customer
          </Button>
        }
      />
      <TextInput
        type="search"
        aria-label="Search customers"
        placeholder="Name or organisation number"
        leftSection={<Icon name="search" size={18} />}
        defaultValue={q}
        onChange={(event) => {
          const text = event.currentTarget.value.trim();
          navigate({ search: text === "" ? {} : { q: text }, replace: true });
        }}
        maw={360}
        mb="md"
      />
      <Surface>
        <DataTable
          caption="Customers"
          columns={COLUMNS}
          rows={found.slice(0, shown)}
          rowKey={({ id }) => id}
          onMore={
            found.length > shown
              ? () =>
                  navigate({
                    search: (before) => ({ ...before, shown: shown + ROWS_AT_ONCE }),
                    replace: true,
                    resetScroll: false,
                  })
              : undefined
          }
          empty={
            q === "" ? (
              <EmptyState icon="building" title="No customers yet">
                A member who founds an organiser appears here, and you can enter one yourself.
              </EmptyState>
            ) : (
              <EmptyState icon="search" title="No customer goes by that name">
                Try fewer letters.
              </EmptyState>
            )
          }
        />
      </Surface>
    </>
  );
}
