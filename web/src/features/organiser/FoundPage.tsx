/** Founds an organiser or a crew company, for those who belong to none yet. */
import { Box } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { CustomerForm, type NewCustomer } from "../../ui/CustomerForm";
import { PageHeader } from "../../ui/PageHeader";
import { Surface } from "../../ui/Surface";
import { found } from "./queries";

const TYPE_ADVICE = {
  organiser: "You put on events: plan them, sell their tickets and let people in at the door.",
  crewCompany: "You have the people who work at events, and other organisers book them.",
};

export function FoundPage() {
  const queryClient = useQueryClient();
  const navigate = useNavigate();

  const submit = async (fields: NewCustomer) => {
    const { id, customerType } = await found(queryClient, fields);
    const to = customerType === "organiser" ? "/organiser" : "/organiser/people";
    await navigate({ to, search: { customer: id } });
  };

  return (
    <Box maw={720}>
      <PageHeader
        title="Found an organiser"
        description="To put on events you need an organiser: the club, company or association in whose name tickets are sold. You become its administrator at once, and can let others in afterwards."
      />
      <Surface>
        <CustomerForm submitLabel="Found it" onSubmit={submit} typeAdvice={TYPE_ADVICE} />
      </Surface>
    </Box>
  );
}
