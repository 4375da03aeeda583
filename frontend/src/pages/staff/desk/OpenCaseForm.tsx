import { Button, NativeSelect, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { answer, api } from "../../../api/client";
import { keepAnswer } from "../../../api/keepAnswer";
import { keys } from "../../../api/keys";
import { asProblem } from "../../../api/problem";
import type { CaseKind } from "../../../api/types";
import { ProblemNote } from "../../../components/Note";
import { useForm } from "../../../components/useForm";
import { KIND_WORDS } from "./words";

export const KINDS = Object.entries(KIND_WORDS).map(([value, label]) => ({ value, label }));

/** A wish that came by telephone or letter. */
export function OpenCaseForm() {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [kind, setKind] = useState<CaseKind>("access");
  const { values, field } = useForm({ contact: "", words: "" });
  const open = useMutation({
    mutationFn: () => answer(api.POST("/api/staff/cases", { body: { kind, ...values } })),
    onSuccess: async (page) => {
      keepAnswer(client, keys.staff.oneCase(page.case.reference), page);
      await navigate({ to: "/staff/cases/$reference", params: { reference: page.case.reference } });
    },
  });
  const problem = asProblem(open.error);
  const atContact = problem?.code === "email_invalid" || problem?.code === "mobile_invalid";
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (!open.isPending) open.mutate();
      }}
    >
      <NativeSelect
        label="What is wanted"
        data={KINDS}
        value={kind}
        onChange={(event) => setKind(event.currentTarget.value as CaseKind)}
      />
      <TextInput
        label="E-mail address or number for the answer"
        required
        maxLength={254}
        autoComplete="off"
        error={atContact ? problem.detail : problem?.forField("contact")}
        {...field("contact")}
      />
      <Textarea
        label="What the person said"
        required
        minLength={3}
        maxLength={4000}
        autosize
        minRows={3}
        error={problem?.forField("words")}
        {...field("words")}
      />
      {!atContact && problem?.errors.length === 0 && <ProblemNote error={problem} />}
      <div>
        <Button type="submit" loading={open.isPending}>
          Keep it as a case
        </Button>
      </div>
    </form>
  );
}
