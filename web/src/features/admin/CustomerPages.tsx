/** Enters a customer for others, changes one, and takes one out of service. */
import { Badge, Box, Button, Group, Stack, Text, Title } from "@mantine/core";
import { useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { createCustomer, customerQuery, updateCustomer } from "../../api/customers";
import { ConfirmDialog } from "../../ui/ConfirmDialog";
import { CustomerForm, type NewCustomer } from "../../ui/CustomerForm";
import { PageHeader } from "../../ui/PageHeader";
import { Surface } from "../../ui/Surface";
import { CUSTOMER_TYPES } from "./words";

export function NewCustomerPage() {
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const submit = async (fields: NewCustomer) => {
    const { id } = await createCustomer(fields);
    await queryClient.invalidateQueries();
    await navigate({ to: "/admin/customers/$customerId", params: { customerId: id } });
  };
  return (
    <Box maw={720}>
      <PageHeader
        title="Enter a customer"
        description="Give somebody a role in it afterwards, on their page."
      />
      <Surface>
        <CustomerForm submitLabel="Enter the customer" onSubmit={submit}>
          <BackButton />
        </CustomerForm>
      </Surface>
    </Box>
  );
}

const route = getRouteApi("/_signedIn/admin/customers/$customerId");

export function CustomerPage() {
  const { customerId } = route.useParams();
  const { data: newest } = useSuspenseQuery(customerQuery(customerId));
  const [opened, setOpened] = useState(newest);
  const [asking, setAsking] = useState<"activate" | "deactivate" | null>(null);
  const [isSaved, setIsSaved] = useState(false);
  const queryClient = useQueryClient();
  const customer = opened.value;

  const reload = async () => {
    setOpened(await queryClient.fetchQuery({ ...customerQuery(customerId), staleTime: 0 }));
  };
  const save = async ({ customerType: _, ...fields }: NewCustomer) => {
    setIsSaved(false);
    await updateCustomer(opened, fields);
    await queryClient.invalidateQueries();
    await reload();
    setIsSaved(true);
  };
  const changeState = async () => {
    await updateCustomer(opened, { isActive: asking === "activate" });
    await queryClient.invalidateQueries();
    await reload();
  };

  return (
    <Box maw={860}>
      <PageHeader
        title={customer.name}
        description={CUSTOMER_TYPES[customer.customerType]}
        actions={
          <Badge variant="light" color={customer.isActive ? "green" : "red"} tt="none" size="lg">
            {customer.isActive ? "Active" : "Deactivated"}
          </Badge>
        }
      />
      <Stack gap="lg">
        <Surface>
          <CustomerForm
            key={`${opened.version}${customer.updatedAt}`}
            customer={customer}
            submitLabel="Save"
            onSubmit={save}
            onReload={reload}
          >
            <BackButton />
            <Text role="status" size="sm" c="dimmed">
              {isSaved && "Saved"}
            </Text>
          </CustomerForm>
        </Surface>
        <Surface>
          <Stack gap="sm" align="flex-start">
            <Title order={2}>People and events</Title>
            <Group gap="sm">
              <Button
                variant="default"
                renderRoot={(props) => <Link to="/admin/users" search={{ customerId }} {...props} />}
              >
                Show its people
              </Button>
              {customer.customerType === "organiser" && (
                <Button
                  variant="default"
                  renderRoot={(props) => (
                    <Link to="/organiser" search={{ customer: customerId }} {...props} />
                  )}
                >
                  Show its events
                </Button>
              )}
              <Button
                variant="default"
                onClick={() => setAsking(customer.isActive ? "deactivate" : "activate")}
              >
                {customer.isActive ? "Deactivate" : "Activate"}
              </Button>
            </Group>
          </Stack>
        </Surface>
      </Stack>
      <ConfirmDialog
        isOpen={asking === "deactivate"}
        onClose={() => setAsking(null)}
        title="Deactivate this customer?"
        confirmLabel="Deactivate"
        onConfirm={changeState}
      >
        {customer.name} is marked as out of service. Its events, tickets and accounts stay as they are.
      </ConfirmDialog>
      <ConfirmDialog
        isOpen={asking === "activate"}
        onClose={() => setAsking(null)}
        title="Activate this customer?"
        confirmLabel="Activate"
        isDangerous={false}
        onConfirm={changeState}
      >
        {customer.name} is in service again.
      </ConfirmDialog>
    </Box>
  );
}

function BackButton() {
  return (
    <Button variant="default" renderRoot={(props) => <Link to="/admin/customers" {...props} />}>
      Go back
    </Button>
  );
}
