import { Button, NativeSelect, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../../api/client";
import { keys } from "../../../api/keys";
import { asProblem } from "../../../api/problem";
import { ProblemNote } from "../../../components/Note";
import { useForm } from "../../../components/useForm";

const COVERED = [
  { value: "number", label: "All leads with a number, and their calls" },
  { value: "account", label: "An account, and the calls made with it" },
  { value: "lead", label: "One lead, and its calls" },
  { value: "call", label: "One call" },
] as const;
type Covered = (typeof COVERED)[number]["value"];
const WHICH: Record<Covered, string> = {
  number: "Number with its country code",
  account: "Whole e-mail of the account",
  lead: "Id of the lead",
  call: "Id of the call, as it stands in its address",
};

/** What is held, on what ground, and when somebody looks again. */
export function HoldForm({ onDone }: { onDone: () => void }) {
  const client = useQueryClient();
  const [what, setWhat] = useState<Covered>("number");
  const { values, field } = useForm({
    which: "",
    basis: "",
    order_id: "",
    reason: "",
    review_on: "",
    ends_on: "",
    secret_until: "",
  });
  const place = useMutation({
    mutationFn: () =>
      answer(
        api.POST("/api/staff/holds", {
          body: { ...values, what, secret_until: values.secret_until || null },
        }),
      ),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: keys.staff.holds });
      onDone();
    },
  });
  const problem = asProblem(place.error);
  const atRow = ["account_unknown", "mobile_invalid", "nothing_to_hold"].includes(problem?.code ?? "");
  const atDay = problem?.code === "review_past";
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (!place.isPending) place.mutate();
      }}
    >
      <NativeSelect
        label="What is held"
        data={[...COVERED]}
        value={what}
        onChange={(event) => setWhat(event.currentTarget.value as Covered)}
      />
      <TextInput
        label={WHICH[what]}
        required
        autoComplete="off"
        minLength={3}
        maxLength={254}
        error={atRow ? problem?.detail : problem?.forField("which")}
        {...field("which")}
      />
      <TextInput
        label="Legal basis"
        description="The law or court order on which it rests."
        required
        minLength={2}
        maxLength={200}
        error={problem?.forField("basis")}
        {...field("basis")}
      />
      <TextInput
        label="Number of the order (optional)"
        maxLength={120}
        error={problem?.forField("order_id")}
        {...field("order_id")}
      />
      <Textarea
        label="Why"
        description="Name nobody here."
        required
        autosize
        minRows={2}
        minLength={3}
        maxLength={4000}
        error={problem?.forField("reason")}
        {...field("reason")}
      />
      <TextInput
        label="Look again on"
        type="date"
        required
        error={atDay ? problem?.detail : problem?.forField("review_on")}
        {...field("review_on")}
      />
      <TextInput
        label="Last day"
        description="It ends by itself after that."
        type="date"
        required
        error={problem?.forField("ends_on")}
        {...field("ends_on")}
      />
      <TextInput
        label="Secret until the end of (optional)"
        description="Only where the ground forbids telling the person that something is kept."
        type="date"
        error={problem?.forField("secret_until")}
        {...field("secret_until")}
      />
      {!atRow && !atDay && problem?.errors.length === 0 && <ProblemNote error={problem} />}
      <div>
        <Button type="submit" loading={place.isPending}>
          Place the hold
        </Button>
      </div>
    </form>
  );
}
