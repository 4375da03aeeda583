import { Button, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { answer, api } from "../../api/client";
import { keys } from "../../api/keys";
import { asProblem } from "../../api/problem";
import type { Lead } from "../../api/types";
import { ProblemNote } from "../../components/Note";
import { useForm } from "../../components/useForm";

const PHONE_CODES = new Set([
  "phone_invalid",
  "lead_exists",
  "lead_suppressed",
  "lead_was_called",
  "lead_in_call",
]);

interface LeadFormProps {
  lead?: Lead;
  onSaved: (lead: Lead) => void;
  /** Whoever does not want to change the lead but to be rid of it. */
  onRemove?: () => void;
}

/** A lead as typed: a new one, or the changes to one. */
export function LeadForm({ lead, onSaved, onRemove }: LeadFormProps) {
  const client = useQueryClient();
  const { values, field } = useForm({
    first_name: lead?.first_name ?? "",
    last_name: lead?.last_name ?? "",
    company: lead?.company ?? "",
    phone: lead?.phone_e164 ?? "",
    notes: lead?.notes ?? "",
  });
  const save = useMutation({
    mutationFn: () =>
      lead
        ? answer(api.PATCH("/api/leads/{lead_id}", { params: { path: { lead_id: lead.id } }, body: values }))
        : answer(api.POST("/api/leads", { body: values })),
    onSuccess: async (saved) => {
      await client.invalidateQueries({ queryKey: keys.leads.all });
      onSaved(saved);
    },
  });
  const problem = asProblem(save.error);
  const aboutPhone = problem !== null && PHONE_CODES.has(problem.code);
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (!save.isPending) save.mutate();
      }}
    >
      <TextInput
        label="First name"
        required
        maxLength={120}
        data-autofocus
        error={problem?.forField("first_name")}
        {...field("first_name")}
      />
      <TextInput
        label="Last name"
        maxLength={120}
        error={problem?.forField("last_name")}
        {...field("last_name")}
      />
      <TextInput label="Company" maxLength={120} error={problem?.forField("company")} {...field("company")} />
      <TextInput
        label="Phone"
        description="With its country code, such as +44 7400 123456"
        type="tel"
        required
        minLength={3}
        maxLength={40}
        error={aboutPhone ? problem.detail : problem?.forField("phone")}
        {...field("phone")}
      />
      <Textarea
        label="Notes"
        rows={3}
        maxLength={10_000}
        error={problem?.forField("notes")}
        {...field("notes")}
      />
      {!aboutPhone && problem?.errors.length === 0 && <ProblemNote error={problem} />}
      <Button type="submit" loading={save.isPending}>
        {lead ? "Save lead" : "Add lead"}
      </Button>
      {onRemove && (
        <Button variant="subtle" color="red.9" onClick={onRemove} disabled={save.isPending}>
          Remove this lead …
        </Button>
      )}
    </form>
  );
}
