import { Button, NativeSelect, Textarea, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { answer, api } from "../../../api/client";
import { asProblem } from "../../../api/problem";
import type { CaseKind, DeskCasePage } from "../../../api/types";
import { ProblemNote } from "../../../components/Note";
import classes from "./Desk.module.css";
import { KINDS } from "./OpenCaseForm";

type Done = (page: DeskCasePage) => void;

interface FrameProps {
  error: unknown;
  pending: boolean;
  button: string;
  color?: string;
  disabled?: boolean;
  onSend: () => void;
  children: ReactNode;
}

export function Frame({ error, pending, button, color, disabled, onSend, children }: FrameProps) {
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (!pending) onSend();
  };
  return (
    <form className={classes.form} onSubmit={send}>
      {children}
      <ProblemNote error={error} />
      <Button type="submit" loading={pending} color={color} disabled={disabled}>
        {button}
      </Button>
    </form>
  );
}

interface TextFormProps {
  label: string;
  description: string;
  button: string;
  long?: boolean;
  optional?: boolean;
  onSend: (text: string) => Promise<DeskCasePage>;
  onDone: Done;
}

/** A step that needs one line or one text. */
export function TextForm({ label, description, button, long, optional, onSend, onDone }: TextFormProps) {
  const [text, setText] = useState("");
  const send = useMutation({ mutationFn: () => onSend(text.trim()), onSuccess: onDone });
  const shared = { label, description, required: !optional, autoFocus: true, value: text };
  return (
    <Frame error={send.error} pending={send.isPending} button={button} onSend={() => send.mutate()}>
      {long ? (
        <Textarea
          {...shared}
          autosize
          minRows={3}
          maxLength={4000}
          onChange={(event) => setText(event.currentTarget.value)}
        />
      ) : (
        <TextInput
          {...shared}
          autoComplete="off"
          maxLength={200}
          onChange={(event) => setText(event.currentTarget.value)}
        />
      )}
    </Frame>
  );
}

export function SortForm({ page, onDone }: { page: DeskCasePage; onDone: Done }) {
  const [kind, setKind] = useState<CaseKind>(page.case.kind);
  const params = { path: { reference: page.case.reference } };
  const sort = useMutation({
    mutationFn: () => answer(api.POST("/api/staff/cases/{reference}/sort", { params, body: { kind } })),
    onSuccess: onDone,
  });
  return (
    <Frame error={sort.error} pending={sort.isPending} button="Keep" onSend={() => sort.mutate()}>
      <NativeSelect
        label="What is wanted"
        data={KINDS}
        autoFocus
        value={kind}
        onChange={(event) => setKind(event.currentTarget.value as CaseKind)}
      />
    </Frame>
  );
}

const ASKS_WHO = new Set<DeskCasePage["replies"][number]["key"]>(["prove", "which"]);

/** A reply of the register, as it will be mailed. */
export function ReplyForm({ page, onDone }: { page: DeskCasePage; onDone: Done }) {
  // Who has shown who they are is not asked for it again.
  const fits = page.replies.find((each) => !page.case.proved_by || !ASKS_WHO.has(each.key));
  const [key, setKey] = useState(fits?.key);
  const [words, setWords] = useState("");
  const chosen = page.replies.find((each) => each.key === key) ?? page.replies[0];
  const params = { path: { reference: page.case.reference } };
  const reply = useMutation({
    mutationFn: (template: NonNullable<typeof key>) =>
      answer(api.POST("/api/staff/cases/{reference}/reply", { params, body: { template, words } })),
    onSuccess: onDone,
  });
  if (!chosen) return null;
  return (
    <Frame
      error={reply.error}
      pending={reply.isPending}
      button={`Mail it to ${page.person.contact}`}
      onSend={() => reply.mutate(chosen.key)}
    >
      <NativeSelect
        label="Reply"
        autoFocus
        data={page.replies.map((each) => ({ value: each.key, label: each.label }))}
        value={chosen.key}
        onChange={(event) => setKey(event.currentTarget.value as typeof key)}
      />
      {chosen.takes_words && (
        <Textarea
          label="Your words"
          required
          autosize
          minRows={3}
          maxLength={4000}
          value={words}
          onChange={(event) => setWords(event.currentTarget.value)}
        />
      )}
      <p className={classes.mail}>{chosen.text.replace("{words}", words.trim() || "…")}</p>
    </Frame>
  );
}

const CARRIED_OUT: Partial<Record<CaseKind, { says: string; button: string }>> = {
  access: {
    says: "A link to the copy goes to the account's own address and to no other. It works once, for seven days; one that was mailed before ends.",
    button: "Mail the link to the copy",
  },
  deletion: {
    says: "Shows what would go. Nothing is deleted before somebody else has approved exactly that.",
    button: "Prepare the deletion",
  },
  restriction: {
    says: "From now on nobody calls the person, reads what was said, or has it understood.",
    button: "Put everything out of use",
  },
  objection: {
    says: "From now on nobody calls the person, reads what was said, or has it understood; calls that go on end now. A number that is no account's is never called again.",
    button: "Stop every use",
  },
};

export function CarryOutForm({ page, onDone }: { page: DeskCasePage; onDone: Done }) {
  const [number, setNumber] = useState("");
  const asks = page.person.kind === "number_not_kept";
  const words = CARRIED_OUT[page.case.kind];
  const params = { path: { reference: page.case.reference } };
  const carry = useMutation({
    mutationFn: () =>
      answer(
        api.POST("/api/staff/cases/{reference}/carry-out", { params, body: { number, confirmed: false } }),
      ),
    onSuccess: onDone,
  });
  const problem = asProblem(carry.error);
  return (
    <Frame
      error={problem?.code === "mobile_invalid" ? null : carry.error}
      pending={carry.isPending}
      button={words?.button ?? "Carry out"}
      onSend={() => carry.mutate()}
    >
      <p>{words?.says}</p>
      {asks && (
        <TextInput
          label="The number that was proved"
          description="It is not kept with the case."
          type="tel"
          required
          autoFocus
          autoComplete="off"
          maxLength={40}
          value={number}
          error={problem?.code === "mobile_invalid" && problem.detail}
          onChange={(event) => setNumber(event.currentTarget.value)}
        />
      )}
    </Frame>
  );
}

/** The answer that closes the case, begun with words of the register. */
export function AnswerForm({
  page,
  refuses,
  onDone,
}: {
  page: DeskCasePage;
  refuses: boolean;
  onDone: Done;
}) {
  const outcome = refuses ? "refused" : "done";
  const beginnings = page.answers.filter((each) => each.outcome === outcome);
  const [text, setText] = useState("");
  const params = { path: { reference: page.case.reference } };
  const close = useMutation({
    mutationFn: () =>
      answer(
        api.POST("/api/staff/cases/{reference}/close", { params, body: { outcome, answer: text.trim() } }),
      ),
    onSuccess: onDone,
  });
  const goesTo = page.case.proved_by && page.person.contact.includes("@") ? page.person.contact : null;
  return (
    <Frame
      error={close.error}
      pending={close.isPending}
      button={refuses ? "Refuse and close" : "Close as done"}
      color={refuses ? "red.9" : undefined}
      onSend={() => close.mutate()}
    >
      <NativeSelect
        label="Begin with"
        data={[
          { value: "", label: "Words of your own" },
          ...beginnings.map((each) => ({ value: each.key, label: each.label })),
        ]}
        onChange={(event) =>
          setText(beginnings.find((each) => each.key === event.currentTarget.value)?.text ?? "")
        }
      />
      <Textarea
        label={refuses ? "Why" : "Answer"}
        description={
          goesTo
            ? `Mailed to ${goesTo}.`
            : "Kept with the case; nobody gets a mail, since no verified address is kept."
        }
        required
        autosize
        minRows={3}
        maxLength={4000}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
      />
    </Frame>
  );
}
