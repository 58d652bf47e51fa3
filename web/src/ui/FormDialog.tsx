/**
 * A short form in a dialog: every opening begins anew, what the server says about a field goes under
 * the field, and the dialog closes when the form was taken.
 */
import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { schemaResolver, type UseFormReturnType, useForm } from "@mantine/form";
import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { placeProblem } from "./formProblem";
import { ProblemAlert } from "./ProblemAlert";

interface FormProps<Values extends object> {
  description?: ReactNode;
  initialValues: Values;
  schema: Parameters<typeof schemaResolver>[0];
  children: (form: UseFormReturnType<Values>) => ReactNode;
  submitLabel: string;
  isDangerous?: boolean;
  onSubmit: (values: Values) => Promise<unknown>;
  onGoBack: () => void;
}

interface FormDialogProps<Values extends object> extends Omit<FormProps<Values>, "onGoBack"> {
  isOpen: boolean;
  onClose: () => void;
  title: string;
}

export function FormDialog<Values extends object>(props: FormDialogProps<Values>) {
  const { isOpen, onClose, title, onSubmit, ...form } = props;
  const submit = async (values: Values) => {
    await onSubmit(values);
    onClose();
  };
  return (
    <Modal opened={isOpen} onClose={onClose} title={title} closeButtonProps={{ "aria-label": "Close" }}>
      <DialogForm {...form} onSubmit={submit} onGoBack={onClose} />
    </Modal>
  );
}

/** The form by itself, for a dialog of several steps. */
export function DialogForm<Values extends object>(props: FormProps<Values>) {
  const { description, initialValues, schema, children, isDangerous } = props;
  const [problem, setProblem] = useState<unknown>(null);
  const form = useForm<Values>({ initialValues, validate: schemaResolver(schema, { sync: true }) });
  const submission = useMutation({
    mutationFn: props.onSubmit,
    onMutate: () => setProblem(null),
    onError: (error) => setProblem(placeProblem(form, error)),
  });

  return (
    <form onSubmit={form.onSubmit((values) => submission.mutate(values))} noValidate>
      <Stack>
        {description && <Text component="div">{description}</Text>}
        <ProblemAlert error={problem} />
        {children(form)}
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={props.onGoBack}>
            Go back
          </Button>
          <Button type="submit" color={isDangerous ? "red" : undefined} loading={submission.isPending}>
            {props.submitLabel}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
