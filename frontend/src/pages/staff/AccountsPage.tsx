import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { asProblem } from "../../api/problem";
import type { BlockReason } from "../../api/types";
import { Note, ProblemNote } from "../../components/Note";
import { Page, Panel } from "../../components/Page";
import { useForm } from "../../components/useForm";

const REASONS: readonly { value: BlockReason; label: string }[] = [
  { value: "abuse", label: "Calls that break the terms" },
  { value: "fraud", label: "Fraud with credits or cards" },
  { value: "taken_over", label: "Somebody else has got in" },
  { value: "law", label: "An order of an authority" },
];
const AT_FIELD = new Set(["account_unknown", "account_not_active", "account_not_blocked"]);

/** Keeping a customer out of their account, and letting them in again. */
export function AccountsPage() {
  return (
    <Page title="Accounts" width="narrow">
      <BlockPanel />
      <UnblockPanel />
    </Page>
  );
}

function BlockPanel() {
  const { values, field, setValues } = useForm({ email: "" });
  const [reason, setReason] = useState<BlockReason | "">("");
  const block = useMutation({
    mutationFn: (chosen: BlockReason) =>
      answer(api.POST("/api/staff/accounts/block", { body: { email: values.email, reason: chosen } })),
    onSuccess: () => {
      setValues({ email: "" });
      setReason("");
    },
  });
  const problem = asProblem(block.error);
  return (
    <Panel title="Block an account">
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (!block.isPending && reason) block.mutate(reason);
        }}
      >
        <p className="quiet">
          The person is signed out everywhere within seconds, and the API keys end. Colleagues work on.
          Signing in says to write to support; what people may ask about their data stays open by mail. Who
          blocked and why stands in the audit log.
        </p>
        <EmailField field={field("email")} problem={problem} />
        <NativeSelect
          label="Reason"
          required
          data={[{ value: "", label: "Choose one" }, ...REASONS]}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value as BlockReason | "")}
        />
        {problem && !isAtField(problem) && <ProblemNote error={problem} />}
        {block.isSuccess && <Note role="status">Blocked. Every session and API key has ended.</Note>}
        <div className="row">
          <Button type="submit" color="red.9" disabled={!reason} loading={block.isPending}>
            Block
          </Button>
        </div>
      </form>
    </Panel>
  );
}

function UnblockPanel() {
  const { values, field, setValues } = useForm({ email: "" });
  const unblock = useMutation({
    mutationFn: () => answer(api.POST("/api/staff/accounts/unblock", { body: values })),
    onSuccess: () => setValues({ email: "" }),
  });
  const problem = asProblem(unblock.error);
  return (
    <Panel title="Let somebody in again">
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (!unblock.isPending) unblock.mutate();
        }}
      >
        <p className="quiet">The person signs in as before, and makes new API keys.</p>
        <EmailField field={field("email")} problem={problem} />
        {problem && !isAtField(problem) && <ProblemNote error={problem} />}
        {unblock.isSuccess && <Note role="status">The person may sign in again.</Note>}
        <div className="row">
          <Button type="submit" variant="default" loading={unblock.isPending}>
            Let in again
          </Button>
        </div>
      </form>
    </Panel>
  );
}

type Shown = ReturnType<typeof asProblem>;

const isAtField = (problem: Shown): boolean =>
  problem !== null && (AT_FIELD.has(problem.code) || problem.forField("email") !== undefined);

function EmailField({
  field,
  problem,
}: {
  field: ReturnType<ReturnType<typeof useForm<{ email: string }>>["field"]>;
  problem: Shown;
}) {
  return (
    <TextInput
      label="Whole e-mail of the account"
      description="The one from before counts too, for a week after it was changed."
      type="email"
      required
      autoComplete="off"
      error={problem && AT_FIELD.has(problem.code) ? problem.detail : problem?.forField("email")}
      {...field}
    />
  );
}
