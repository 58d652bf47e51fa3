/** The particulars of an organiser or crew company, for founding one and for changing one. */
import { Button, Group, Radio, SimpleGrid, Stack, Textarea, TextInput } from "@mantine/core";
import { schemaResolver, useForm } from "@mantine/form";
import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import * as z from "zod/mini";
import type { CustomerFields } from "../api/customers";
import type { Customer, CustomerType } from "../api/types";
import { isStale } from "../api/versioned";
import { email } from "./fields";
import { placeProblem } from "./formProblem";
import { ProblemAlert } from "./ProblemAlert";
import { StaleAlert } from "./StaleAlert";

export type NewCustomer = CustomerFields & { customerType: CustomerType };

const filled = (missing: string) => z.string().check(z.trim(), z.minLength(1, missing), z.maxLength(200));
const schema = z.object({
  name: filled("Enter the name."),
  orgNumber: filled("Enter the number under which it is registered."),
  email: z.union([z.literal(""), email]),
});

interface CustomerFormProps {
  customer?: Customer;
  submitLabel: string;
  onSubmit: (fields: NewCustomer) => Promise<void>;
  /** Where somebody else was faster: reads what is stored now. */
  onReload?: () => void;
  /** Words for those who found one, at the choice of the type. */
  typeAdvice?: Record<CustomerType, string>;
  /** Beside the button. */
  children?: ReactNode;
}

export function CustomerForm(props: CustomerFormProps) {
  const { customer, submitLabel, onSubmit, onReload, typeAdvice, children } = props;
  const [problem, setProblem] = useState<unknown>(null);
  const form = useForm({
    initialValues: {
      name: customer?.name ?? "",
      orgNumber: customer?.orgNumber ?? "",
      address: customer?.address ?? "",
      email: customer?.email ?? "",
      phone: customer?.phone ?? "",
      customerType: customer?.customerType ?? ("organiser" as CustomerType),
    },
    validate: schemaResolver(schema, { sync: true }),
  });
  const submission = useMutation({
    mutationFn: (values: typeof form.values) =>
      onSubmit({
        name: values.name.trim(),
        orgNumber: values.orgNumber.trim(),
        address: values.address.trim() || null,
        email: values.email.trim() || null,
        phone: values.phone.trim() || null,
        customerType: values.customerType,
      }),
    onMutate: () => setProblem(null),
    onError: (error) => setProblem(placeProblem(form, error, { org_number_taken: "orgNumber" })),
  });

  return (
    <form onSubmit={form.onSubmit((values) => submission.mutate(values))} noValidate>
      <Stack>
        {customer === undefined && (
          <Radio.Group label="What it does" {...form.getInputProps("customerType")}>
            <Stack gap="xs" mt={6}>
              <Radio
                value="organiser"
                label="Organiser"
                description={typeAdvice?.organiser ?? "Puts on events and sells tickets."}
              />
              <Radio
                value="crewCompany"
                label="Crew company"
                description={typeAdvice?.crewCompany ?? "Has the people who work at events."}
              />
            </Stack>
          </Radio.Group>
        )}
        <SimpleGrid cols={{ base: 1, xs: 2 }}>
          <TextInput label="Name" autoComplete="organization" {...form.getInputProps("name")} />
          <TextInput label="Organisation number" {...form.getInputProps("orgNumber")} />
          <TextInput
            label="Email (optional)"
            type="email"
            autoComplete="email"
            {...form.getInputProps("email")}
          />
          <TextInput
            label="Phone (optional)"
            type="tel"
            autoComplete="tel"
            {...form.getInputProps("phone")}
          />
        </SimpleGrid>
        <Textarea
          label="Address (optional)"
          autosize
          minRows={2}
          autoComplete="street-address"
          {...form.getInputProps("address")}
        />
        {isStale(problem) && onReload ? <StaleAlert onReload={onReload} /> : <ProblemAlert error={problem} />}
        <Group gap="sm">
          <Button type="submit" loading={submission.isPending}>
            {submitLabel}
          </Button>
          {children}
        </Group>
      </Stack>
    </form>
  );
}
