import { Button, Checkbox, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../../api/client";
import { keys } from "../../../api/keys";
import { dataKindsQuery } from "../../../api/policyQueries";
import { asProblem } from "../../../api/problem";
import { ProblemNote } from "../../../components/Note";
import { useForm } from "../../../components/useForm";
import { Waiting } from "../../../components/Waiting";

/** Whom, by which order, on what ground, and which kinds of data: no more than it says. */
export function OrderForm({ onDone }: { onDone: () => void }) {
  const client = useQueryClient();
  const kinds = useQuery(dataKindsQuery);
  const [elements, setElements] = useState<string[]>([]);
  const { values, field } = useForm({
    whose: "",
    order_id: "",
    authority: "",
    legal_basis: "",
    secret_until: "",
  });
  const prepare = useMutation({
    mutationFn: () =>
      answer(
        api.POST("/api/staff/orders", {
          body: { ...values, secret_until: values.secret_until || null, elements },
        }),
      ),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: keys.staff.orders });
      onDone();
    },
  });
  const problem = asProblem(prepare.error);
  const atPerson = problem?.code === "account_unknown" || problem?.code === "mobile_invalid";
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (!prepare.isPending) prepare.mutate();
      }}
    >
      <TextInput
        label="Whole e-mail of the account, or number with its country code"
        required
        autoComplete="off"
        minLength={3}
        maxLength={254}
        error={atPerson ? problem.detail : problem?.forField("whose")}
        {...field("whose")}
      />
      <TextInput
        label="Authority"
        required
        minLength={2}
        maxLength={200}
        error={problem?.forField("authority")}
        {...field("authority")}
      />
      <TextInput
        label="Number of the order"
        description="As the authority writes it. Name no person here."
        required
        minLength={2}
        maxLength={120}
        error={problem?.forField("order_id")}
        {...field("order_id")}
      />
      <TextInput
        label="Legal basis"
        description="The law or court order on which it rests."
        required
        minLength={2}
        maxLength={200}
        error={problem?.forField("legal_basis")}
        {...field("legal_basis")}
      />
      <TextInput
        label="Last day on which the person may not be told (optional)"
        type="date"
        error={problem?.forField("secret_until")}
        {...field("secret_until")}
      />
      <Checkbox.Group
        label="Kinds of data that the order covers"
        value={elements}
        onChange={setElements}
        error={problem?.forField("elements")}
      >
        {kinds.isPending && <Waiting lines={4} what="the kinds of data" />}
        <div className="stack">
          {kinds.data?.items.map((kind) => (
            <Checkbox key={kind.element} value={kind.element} label={kind.title} />
          ))}
        </div>
      </Checkbox.Group>
      {!atPerson && problem?.errors.length === 0 && <ProblemNote error={problem} />}
      <div>
        <Button type="submit" disabled={elements.length === 0} loading={prepare.isPending}>
          Prepare for approval
        </Button>
      </div>
    </form>
  );
}
