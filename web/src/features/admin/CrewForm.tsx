/** What makes an account a crew member: category, skills, phone, and whether they can be booked. */
import { Button, Group, Stack, Switch, TagsInput, Text, TextInput, Title } from "@mantine/core";
import { schemaResolver, useForm } from "@mantine/form";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import * as z from "zod/mini";
import type { User } from "../../api/types";
import { saveCrew } from "../../api/users";
import { placeProblem } from "../../ui/formProblem";
import { ProblemAlert } from "../../ui/ProblemAlert";
import { Surface } from "../../ui/Surface";

const schema = z.object({
  category: z.string().check(z.trim(), z.minLength(1, "Say what kind of work, such as sound.")),
});

export function CrewForm({ user }: { user: User }) {
  const [isOpen, setIsOpen] = useState(user.crew !== null);
  const [problem, setProblem] = useState<unknown>(null);
  const queryClient = useQueryClient();
  const form = useForm({
    initialValues: {
      category: user.crew?.category ?? "",
      skills: user.crew?.skills ?? [],
      phone: user.crew?.phone ?? "",
      isActive: user.crew?.isActive ?? true,
    },
    validate: schemaResolver(schema, { sync: true }),
  });
  const saving = useMutation({
    mutationFn: async ({ phone, category, ...crew }: typeof form.values) => {
      await saveCrew(user.id, { ...crew, category: category.trim(), phone: phone.trim() || null });
      await queryClient.invalidateQueries();
    },
    onMutate: () => setProblem(null),
    onError: (error) => setProblem(placeProblem(form, error)),
  });

  if (!isOpen) {
    return (
      <Surface>
        <Stack gap="sm" align="flex-start">
          <Title order={2}>Crew</Title>
          <Text c="dimmed" size="sm">
            Not a crew member, so nobody can book this person.
          </Text>
          <Button variant="default" onClick={() => setIsOpen(true)}>
            Make a crew member
          </Button>
        </Stack>
      </Surface>
    );
  }
  return (
    <Surface>
      <form onSubmit={form.onSubmit((crew) => saving.mutate(crew))} noValidate>
        <Stack maw={640}>
          <Title order={2}>Crew</Title>
          <ProblemAlert error={problem} />
          <TextInput label="Category" placeholder="sound" {...form.getInputProps("category")} />
          <TagsInput
            label="Skills"
            description="Press Enter after each one."
            placeholder={form.values.skills.length === 0 ? "mixing, rigging" : undefined}
            clearable={false}
            {...form.getInputProps("skills")}
          />
          <TextInput
            label="Phone (optional)"
            type="tel"
            autoComplete="off"
            {...form.getInputProps("phone")}
          />
          <Switch label="Can be booked" {...form.getInputProps("isActive", { type: "checkbox" })} />
          <Group>
            <Button type="submit" loading={saving.isPending}>
              Save the crew data
            </Button>
          </Group>
        </Stack>
      </form>
    </Surface>
  );
}
