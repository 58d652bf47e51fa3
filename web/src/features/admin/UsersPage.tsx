/** Everybody with an account, found by email, role, customer and type. */
import { Badge, Button, Select, Text, TextInput } from "@mantine/core";
import { useSuspenseQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";
import { customersQuery } from "../../api/customers";
import { usePages } from "../../api/paging";
import { rolesQuery } from "../../api/roles";
import type { User } from "../../api/types";
import { keyOfHeldRole, type UserFilter, usersQuery } from "../../api/users";
import { type Column, DataTable } from "../../ui/DataTable";
import { EmptyState } from "../../ui/EmptyState";
import { email as emailField } from "../../ui/fields";
import { formatEventDate } from "../../ui/format";
import { Icon } from "../../ui/icons";
import { PageHeader } from "../../ui/PageHeader";
import { Surface } from "../../ui/Surface";
import { zoneHere } from "../../ui/zonedTime";
import styles from "./admin.module.css";
import { nameOf, USER_TYPES } from "./words";

const route = getRouteApi("/_signedIn/admin/users/");

export function UsersPage() {
  const filter = route.useSearch();
  const { items, onMore, isLoadingMore } = usePages(usersQuery(filter));
  const { data: customers } = useSuspenseQuery(customersQuery);
  const customerName = (id: string | null) => customers.find((customer) => customer.id === id)?.name ?? "";

  const columns: Column<User>[] = [
    {
      key: "person",
      header: "Person",
      isTitle: true,
      cell: (user) => (
        <div>
          <Link to="/admin/users/$userId" params={{ userId: user.id }} className={styles.rowLink}>
            {nameOf(user)}
          </Link>
          <Text size="sm" c="dimmed">
            {user.email}
          </Text>
        </div>
      ),
    },
    {
      key: "type",
      header: "Type",
      cell: ({ userType, customerId }) => (
        <div>
          <Text inherit style={{ whiteSpace: "nowrap" }}>
            {USER_TYPES[userType]}
          </Text>
          <Text size="sm" c="dimmed">
            {customerName(customerId)}
          </Text>
        </div>
      ),
    },
    {
      key: "roles",
      header: "Roles",
      cell: ({ roles }) => (
        <span className={styles.badges}>
          {roles.map((held) => (
            <Badge key={keyOfHeldRole(held)} variant="light" color="gray" tt="none" fw={500}>
              {held.role}
            </Badge>
          ))}
        </span>
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
    {
      key: "since",
      header: "Since",
      isNumeric: true,
      cell: ({ createdAt }) => <Text size="sm">{formatEventDate(createdAt, zoneHere())}</Text>,
    },
  ];

  return (
    <>
      <PageHeader title="Users" description="Everybody with an account here." />
      <Filters />
      <Surface>
        <DataTable
          caption="Users"
          columns={columns}
          rows={items}
          rowKey={({ id }) => id}
          onMore={onMore}
          isLoadingMore={isLoadingMore}
          empty={
            <EmptyState icon="search" title="Nobody fits">
              Take one of the filters away.
            </EmptyState>
          }
        />
      </Surface>
    </>
  );
}

function Filters() {
  const { email, role, customerId, userType } = route.useSearch();
  const navigate = route.useNavigate();
  const { data: roles } = useSuspenseQuery(rolesQuery);
  const { data: customers } = useSuspenseQuery(customersQuery);
  const [isWrong, setIsWrong] = useState(false);
  const searchEmail = (data: FormData) => {
    const text = String(data.get("email") ?? "").trim();
    setIsWrong(text !== "" && !emailField.safeParse(text).success);
    if (text === "" || emailField.safeParse(text).success) set({ email: text || undefined });
  };
  const set = (change: UserFilter) => navigate({ search: (before) => ({ ...before, ...change }) });

  return (
    <search className={styles.filters}>
      <form action={searchEmail} style={{ display: "flex", gap: 8 }}>
        <TextInput
          key={email}
          name="email"
          type="search"
          aria-label="Search by email"
          placeholder="Email address"
          error={isWrong && "Enter the whole address."}
          defaultValue={email}
          leftSection={<Icon name="search" size={18} />}
          style={{ flex: 1, minWidth: 0 }}
        />
        <Button type="submit" variant="default">
          Search
        </Button>
      </form>
      <Select
        aria-label="Role"
        placeholder="Any role"
        data={roles.map(({ name }) => name)}
        value={role ?? null}
        onChange={(name) => set({ role: name ?? undefined })}
        clearable
        searchable
        clearButtonProps={{ "aria-label": "Any role" }}
      />
      <Select
        aria-label="Customer"
        placeholder="Any customer"
        data={customers.map(({ id, name }) => ({ value: id, label: name }))}
        value={customerId ?? null}
        onChange={(id) => set({ customerId: id ?? undefined })}
        clearable
        searchable
        limit={50}
        clearButtonProps={{ "aria-label": "Any customer" }}
      />
      <Select
        aria-label="Type"
        placeholder="Any type"
        data={Object.entries(USER_TYPES).map(([value, label]) => ({ value, label }))}
        value={userType === undefined ? null : String(userType)}
        onChange={(type) => set({ userType: type === null ? undefined : Number(type) })}
        clearable
        clearButtonProps={{ "aria-label": "Any type" }}
      />
    </search>
  );
}
