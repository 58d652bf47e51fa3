/** One entry with everything that is known of it; of a denial, why. */
import { Alert, Anchor, Code, Modal, Stack, Text } from "@mantine/core";
import { useSuspenseQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { customersQuery } from "../../api/customers";
import type { AuditEntry } from "../../api/types";
import { formatCount, formatMoment } from "../../ui/format";
import { partyOf, wordsFor } from "./audit";
import styles from "./audit.module.css";

export function AuditEntryDialog({ entry, onClose }: { entry: AuditEntry | null; onClose: () => void }) {
  return (
    <Modal
      opened={entry !== null}
      onClose={onClose}
      title={entry ? wordsFor(entry) : ""}
      size="lg"
      closeButtonProps={{ "aria-label": "Close" }}
    >
      {entry && <EntryFacts entry={entry} />}
    </Modal>
  );
}

function EntryFacts({ entry }: { entry: AuditEntry }) {
  const customerName = useCustomerName();
  const { why, needs, holds, forbiddenBy, ...others } = entry.details;
  return (
    <Stack>
      {entry.outcome === "denied" && <Why entry={entry} />}
      <dl className={styles.facts}>
        <Fact name="When">
          <Moment at={entry.at} />
        </Fact>
        {entry.count > 1 && <Fact name="How often">{formatCount(entry.count)}</Fact>}
        {entry.firstAt && (
          <Fact name="First">
            <Moment at={entry.firstAt} />
          </Fact>
        )}
        <Fact name="Who">
          {partyOf(entry)}
          {entry.actor.id && entry.actor.id !== entry.actor.label && <Code>{entry.actor.id}</Code>}
        </Fact>
        <Fact name="From">{entry.address ?? "not known"}</Fact>
        {entry.agent && <Fact name="With">{entry.agent}</Fact>}
        <Fact name="Action">
          <Code>{entry.action}</Code> in {entry.service}
        </Fact>
        {entry.on && (
          <Fact name="To what">
            {entry.on.kind} <Code>{entry.on.id}</Code>
          </Fact>
        )}
        {entry.customerId && <Fact name="Customer">{customerName(entry.customerId)}</Fact>}
        {Object.entries(others).map(([name, value]) => (
          <Fact key={name} name={inWords(name)}>
            <Value value={value} />
          </Fact>
        ))}
      </dl>
    </Stack>
  );
}

function Why({ entry }: { entry: AuditEntry }) {
  const customerName = useCustomerName();
  const { why, needs, holds, forbiddenBy } = entry.details;
  const reach = readReach(holds);
  const rules = Array.isArray(forbiddenBy) ? forbiddenBy.map(String) : [];
  const held = [
    reach.everywhere && "everywhere",
    ...reach.customers.map((id) => `in ${customerName(id)}`),
    reach.own && "for what is their own",
  ].filter((text) => text !== false);
  return (
    <Alert color="red" title="Why">
      <Stack gap={6}>
        {typeof why === "string" && <Text size="sm">{sentence(why)}</Text>}
        <Text size="sm">
          Needed is <Code>{String(needs ?? entry.action)}</Code>, which they hold{" "}
          {held.length === 0 ? "nowhere" : held.join(", ")}.
        </Text>
        {rules.length > 0 && (
          <Text size="sm">
            Forbidden by{" "}
            {rules.map((rule) => (
              <Code key={rule}>{rule}</Code>
            ))}
          </Text>
        )}
        {entry.actor.kind === "user" && entry.actor.id && (
          <Anchor
            size="sm"
            renderRoot={(props) => (
              <Link
                to="/admin/audit/permission"
                search={{
                  user: entry.actor.id ?? undefined,
                  permission: entry.action,
                  customerId: entry.customerId ?? undefined,
                }}
                {...props}
              />
            )}
          >
            Check what would permit it now
          </Anchor>
        )}
      </Stack>
    </Alert>
  );
}

/** When, where the reader is; what the server's clock says on hover. */
export function Moment({ at }: { at: string }) {
  return (
    <time dateTime={at} title={`${at.slice(0, 19).replace("T", " ")} UTC`} className={styles.moment}>
      {formatMoment(at)}
    </time>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Value({ value }: { value: unknown }) {
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map(String).join(", ");
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "object" && value !== null) return <Code>{JSON.stringify(value)}</Code>;
  return String(value);
}

function useCustomerName() {
  const { data: customers } = useSuspenseQuery(customersQuery);
  return (id: string) => customers.find((customer) => customer.id === id)?.name ?? id;
}

function readReach(holds: unknown) {
  const reach = typeof holds === "object" && holds !== null ? (holds as Record<string, unknown>) : {};
  const customers = Array.isArray(reach.customers) ? reach.customers.map(String) : [];
  return { everywhere: reach.everywhere === true, own: reach.own === true, customers };
}

/** "permitsNoMore" is "Permits no more". */
function inWords(name: string): string {
  return sentence(name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)).replace(/\.$/, "");
}

function sentence(words: string): string {
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
}
