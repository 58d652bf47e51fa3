/** Chooses the customer a page is about: nothing for those with one, a search for administrators. */
import { Select } from "@mantine/core";
import { useSuspenseQuery } from "@tanstack/react-query";
import { customersQuery } from "../../api/customers";
import { customersWhere, type PermissionName } from "../../api/me";
import type { Customer, Me } from "../../api/types";
import { seesAllCustomers, useCustomers } from "./customers";

interface CustomerSwitcherProps {
  me: Me;
  /** What it takes to see a customer's page. */
  permissions: PermissionName[];
  value: string | null;
  onChange: (customerId: string | undefined) => void;
}

export function CustomerSwitcher(props: CustomerSwitcherProps) {
  return seesAllCustomers(props.me) ? <AnyCustomer {...props} /> : <OwnCustomer {...props} />;
}

function AnyCustomer({ value, onChange }: CustomerSwitcherProps) {
  const { data: customers } = useSuspenseQuery(customersQuery);
  return (
    <CustomerSelect
      customers={customers}
      placeholder="All customers"
      clearable
      value={value}
      onChange={onChange}
    />
  );
}

function OwnCustomer({ me, permissions, value, onChange }: CustomerSwitcherProps) {
  const customers = useCustomers(customersWhere(me, ...permissions));
  if (customers.length < 2) return null;
  return <CustomerSelect customers={customers} value={value} onChange={onChange} />;
}

interface CustomerSelectProps {
  customers: Customer[];
  value: string | null;
  onChange: (customerId: string | undefined) => void;
  placeholder?: string;
  clearable?: boolean;
}

function CustomerSelect({ customers, value, onChange, placeholder, clearable }: CustomerSelectProps) {
  return (
    <Select
      aria-label="Customer"
      placeholder={placeholder}
      data={customers.map(({ id, name }) => ({ value: id, label: name }))}
      value={value}
      onChange={(id) => onChange(id ?? undefined)}
      searchable
      clearable={clearable}
      clearButtonProps={{ "aria-label": "Show all customers" }}
      allowDeselect={false}
      limit={50}
      nothingFoundMessage="No customer goes by that name"
      w={{ base: "100%", xs: 280 }}
    />
  );
}
