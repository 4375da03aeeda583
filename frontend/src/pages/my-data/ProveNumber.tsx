import { Button, Checkbox, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { keepAnswer } from "../../api/keepAnswer";
import { keys } from "../../api/keys";
import { policyQuery } from "../../api/policyQueries";
import { asProblem } from "../../api/problem";
import { Note, ProblemNote } from "../../components/Note";
import { useForm } from "../../components/useForm";
import { AuthFrame } from "../auth/AuthFrame";
import classes from "../auth/AuthFrame.module.css";

/** First the number, then the code that went to it. wasOpen: the page was open and has shut itself. */
export function ProveNumber({ wasOpen }: { wasOpen: boolean }) {
  const [number, setNumber] = useState<string | null>(null);
  return number === null ? (
    <AskNumber wasOpen={wasOpen} onSent={setNumber} />
  ) : (
    <AskCode number={number} onAnother={() => setNumber(null)} />
  );
}

interface AskNumberProps {
  wasOpen: boolean;
  onSent: (number: string) => void;
}

function AskNumber({ wasOpen, onSent }: AskNumberProps) {
  const policy = useQuery(policyQuery);
  const { values, field } = useForm({ number: "" });
  const [agreed, setAgreed] = useState(false);
  const send = useSendNumberCode(onSent);
  const problem = asProblem(send.error);
  const atField = problem?.code === "mobile_invalid" || problem?.code === "otp_number_refused";
  const wording = policy.data?.consents.find((text) => text.purpose === "my_data")?.text;
  return (
    <AuthFrame
      title="Were you called?"
      intro="See what is held about your number, stop calls, or have it deleted. You need no account: we send a code to the number, so that only you can look."
    >
      {wasOpen && <Note role="status">The page has closed by itself. Prove your number again.</Note>}
      <form
        className={classes.form}
        onSubmit={(event) => {
          event.preventDefault();
          if (agreed && !send.isPending) send.mutate(values.number.trim());
        }}
      >
        <TextInput
          label="Your mobile number"
          description="With its country code, such as +44 7400 123456"
          type="tel"
          autoComplete="tel"
          required
          error={atField ? problem.detail : problem?.forField("number")}
          {...field("number")}
        />
        <Checkbox
          label={wording ?? "…"}
          checked={agreed}
          onChange={(event) => setAgreed(event.currentTarget.checked)}
          disabled={!wording}
          name="sms_consent"
        />
        <ProblemNote error={policy.error} />
        {!atField && problem?.errors.length === 0 && <ProblemNote error={problem} />}
        <Button type="submit" loading={send.isPending} disabled={!agreed}>
          Send me a code
        </Button>
      </form>
      <p className="quiet">
        No mobile, or no text messages? Write to{" "}
        <a href="mailto:support@klosesales.com">support@klosesales.com</a>.
      </p>
    </AuthFrame>
  );
}

interface AskCodeProps {
  number: string;
  onAnother: () => void;
}

function AskCode({ number, onAnother }: AskCodeProps) {
  const client = useQueryClient();
  const { values, field } = useForm({ code: "" });
  const send = useSendNumberCode(() => check.reset());
  const check = useMutation({
    mutationFn: () =>
      answer(api.POST("/api/my-data/session", { body: { number, code: values.code.replaceAll(/\s/g, "") } })),
    onSuccess: (found) => keepAnswer(client, keys.myData, found),
  });
  const problem = asProblem(check.error);
  const atField = problem?.code === "number_code_wrong";
  return (
    <AuthFrame title="Enter the code" intro={`We sent a code to ${number}. It can be used for ten minutes.`}>
      <form
        className={classes.form}
        onSubmit={(event) => {
          event.preventDefault();
          if (!check.isPending) check.mutate();
        }}
      >
        <TextInput
          className={classes.code}
          label="Code"
          inputMode="numeric"
          autoComplete="one-time-code"
          maxLength={10}
          autoFocus
          required
          error={atField ? problem.detail : problem?.forField("code")}
          {...field("code")}
        />
        {!atField && problem?.errors.length === 0 && <ProblemNote error={problem} />}
        <ProblemNote error={send.error} />
        {send.isSuccess && <Note role="status">Another code is on its way.</Note>}
        <Button type="submit" loading={check.isPending}>
          Show what is held
        </Button>
      </form>
      <div className="row">
        <Button variant="default" onClick={() => send.mutate(number)} loading={send.isPending}>
          Send another code
        </Button>
        <Button variant="subtle" onClick={onAnother}>
          Use another number
        </Button>
      </div>
    </AuthFrame>
  );
}

/** The consent that was given for the first code is given again for each one after it, by asking. */
function useSendNumberCode(onSent: (number: string) => void) {
  const policy = useQuery(policyQuery);
  return useMutation({
    mutationFn: (number: string) =>
      answer(
        api.POST("/api/my-data/code", {
          body: { number, sms_consent: true, policy_version: policy.data?.version ?? "" },
        }),
      ),
    onSuccess: (_sent, number) => onSent(number),
  });
}
