/** Which entries. What is chosen stands in the address; what is typed goes there with Enter or the button. */
import { Button, Select, TextInput } from "@mantine/core";
import { useSuspenseQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { customersQuery } from "../../api/customers";
import { Icon } from "../../ui/icons";
import { ACTIONS, type AuditSearch, OUTCOMES, type Outcome, SERVICES } from "./audit";
import styles from "./audit.module.css";

const route = getRouteApi("/_signedIn/admin/audit/");

export function AuditFilters() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { data: customers } = useSuspenseQuery(customersQuery);
  const set = (change: AuditSearch) => navigate({ search: (before) => ({ ...before, ...change }) });
  const searchTyped = (data: FormData) => {
    const typed = (name: string) => String(data.get(name) ?? "").trim() || undefined;
    set({ actor: typed("actor"), on: typed("on") });
  };

  return (
    <search className={styles.filters}>
      <form action={searchTyped} className={styles.typed}>
        <TextInput
          key={`actor-${search.actor}`}
          name="actor"
          type="search"
          label="Who"
          placeholder="Email address, or id"
          defaultValue={search.actor}
          leftSection={<Icon name="search" size={18} />}
        />
        <TextInput
          key={`on-${search.on}`}
          name="on"
          type="search"
          label="To what"
          placeholder="Id of the account, event, …"
          defaultValue={search.on}
        />
        <Button type="submit" variant="default">
          Search
        </Button>
      </form>
      <Select
        label="About"
        placeholder="Anything"
        data={actionsWith(search.action)}
        value={search.action ?? null}
        onChange={(action) => set({ action: action ?? undefined })}
        clearable
        searchable
        clearButtonProps={{ "aria-label": "About anything" }}
      />
      <Select
        label="Outcome"
        placeholder="Any"
        data={Object.entries(OUTCOMES).map(([value, { label }]) => ({ value, label }))}
        value={search.outcome ?? null}
        onChange={(outcome) => set({ outcome: (outcome as Outcome | null) ?? undefined })}
        clearable
        clearButtonProps={{ "aria-label": "Any outcome" }}
      />
      <Select
        label="Service"
        placeholder="Any"
        data={SERVICES}
        value={search.service ?? null}
        onChange={(service) => set({ service: service ?? undefined })}
        clearable
        clearButtonProps={{ "aria-label": "Any service" }}
      />
      <Select
        label="Customer"
        placeholder="Any"
        data={customers.map(({ id, name }) => ({ value: id, label: name }))}
        value={search.customerId ?? null}
        onChange={(customerId) => set({ customerId: customerId ?? undefined })}
        clearable
        searchable
        limit={50}
        clearButtonProps={{ "aria-label": "Any customer" }}
      />
      <TextInput
        type="date"
        label="From"
        value={search.from ?? ""}
        onChange={({ currentTarget }) => set({ from: currentTarget.value || undefined })}
      />
      <TextInput
        type="date"
        label="To"
        value={search.to ?? ""}
        onChange={({ currentTarget }) => set({ to: currentTarget.value || undefined })}
      />
    </search>
  );
}

/** A link may look for a single action, which is not on our list. */
function actionsWith(action: string | undefined) {
  if (action === undefined || ACTIONS.some(({ value }) => value === action)) return ACTIONS;
  return [...ACTIONS, { value: action, label: action }];
}
