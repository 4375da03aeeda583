import { Button, Checkbox, PasswordInput, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { keys } from "../../api/keys";
import { policyQuery } from "../../api/policyQueries";
import { asProblem } from "../../api/problem";
import { waysInQuery } from "../../api/queries";
import type { MobileStep } from "../../api/types";
import { useSignedIn } from "../../app/useSession";
import { NoText } from "../../components/NoText";
import { Note, ProblemNote } from "../../components/Note";
import { Panel } from "../../components/Page";
import { atTime } from "../../format/time";
import classes from "./SettingsPage.module.css";

/** A new mobile number: first the old phone is asked, then the new one. */
export function MobilePanel() {
  const { user } = useSignedIn();
  const [step, setStep] = useState<MobileStep | null>(null);
  const done = step?.step === "done";
  return (
    <Panel title="Mobile number">
      {done && (
        <Note tone="good" role="status">
          Your number is {user.mobile_e164} now. All other browsers are signed out, and your API keys have
          ended.
        </Note>
      )}
      {step === null || done ? (
        <NewNumber onSent={setStep} />
      ) : (
        <CodeOf step={step} onStep={setStep} onCancel={() => setStep(null)} key={step.step} />
      )}
    </Panel>
  );
}

function NewNumber({ onSent }: { onSent: (step: MobileStep) => void }) {
  const { user } = useSignedIn();
  const policy = useQuery(policyQuery);
  const ways = useQuery(waysInQuery);
  // Who has none is known by the old phone alone.
  const hasPassword = ways.data?.has_password !== false;
  const [mobile, setMobile] = useState("");
  const [password, setPassword] = useState("");
  const [agreed, setAgreed] = useState(false);
  const begin = useMutation({
    mutationFn: () =>
      answer(
        api.POST("/api/mobile", {
          body: {
            mobile,
            password: hasPassword ? password : undefined,
            sms_consent: true,
            policy_version: policy.data?.version ?? "",
          },
        }),
      ),
    onSuccess: onSent,
  });
  const problem = asProblem(begin.error);
  const atNumber = problem?.code === "mobile_invalid" || problem?.code === "mobile_same";
  const atPassword = problem?.code === "password_wrong";
  return (
    <form
      className={classes.form}
      onSubmit={(event) => {
        event.preventDefault();
        if (agreed && !begin.isPending) begin.mutate();
      }}
    >
      <p className="quiet">
        Passcodes go to {user.mobile_e164}, and it rings when you call. First it gets a code, then the new
        one; then all other browsers are signed out and your API keys end. Lost it? Write to{" "}
        <a href="mailto:support@klosesales.com">support@klosesales.com</a>.
      </p>
      <TextInput
        label="New mobile number"
        description="With its country code, such as +44 7400 123456"
        type="tel"
        autoComplete="tel"
        required
        value={mobile}
        onChange={(event) => setMobile(event.currentTarget.value)}
        error={atNumber ? problem.detail : problem?.forField("mobile")}
      />
      {hasPassword && (
        <PasswordInput
          label="Your password"
          autoComplete="current-password"
          required
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          error={atPassword ? problem.detail : problem?.forField("password")}
        />
      )}
      <Checkbox
        label={policy.data?.consents.find((text) => text.purpose === "sms")?.text ?? "…"}
        checked={agreed}
        onChange={(event) => setAgreed(event.currentTarget.checked)}
        disabled={!policy.data}
      />
      {!atNumber && !atPassword && problem?.errors.length === 0 && <ProblemNote error={problem} />}
      <Button type="submit" variant="default" disabled={!agreed} loading={begin.isPending}>
        Change the number
      </Button>
    </form>
  );
}

interface CodeOfProps {
  step: MobileStep;
  onStep: (step: MobileStep) => void;
  onCancel: () => void;
}

function CodeOf({ step, onStep, onCancel }: CodeOfProps) {
  const client = useQueryClient();
  const [code, setCode] = useState("");
  const check = useMutation({
    mutationFn: () =>
      answer(
        api.POST("/api/mobile/check", {
          body: {
            step: step.step === "old" ? "old" : "new",
            mobile_e164: step.mobile_e164,
            code: code.replaceAll(/\s/g, ""),
          },
        }),
      ),
    onSuccess: async (next) => {
      if (next.step === "done") {
        await Promise.all([
          client.invalidateQueries({ queryKey: keys.session }),
          client.invalidateQueries({ queryKey: keys.devices }),
          client.invalidateQueries({ queryKey: keys.apiKeys }),
        ]);
      }
      onStep(next);
    },
  });
  const again = useMutation({
    mutationFn: () => answer(api.POST("/api/mobile/send")),
    onSuccess: onStep,
  });
  const problem = asProblem(check.error);
  return (
    <form
      className={classes.form}
      onSubmit={(event) => {
        event.preventDefault();
        if (!check.isPending) check.mutate();
      }}
    >
      {!step.problem && (
        <p role="status">
          {step.step === "old" ? "Your present phone" : "Your new phone"} got a code
          {step.sent && `, ${step.sent.mobile_e164}. It can be used until ${atTime(step.sent.expires_at)}`}.
        </p>
      )}
      {step.problem && <Note tone="bad">{step.problem}</Note>}
      <TextInput
        label={step.step === "old" ? "Code of the present phone" : "Code of the new phone"}
        inputMode="numeric"
        autoComplete="one-time-code"
        maxLength={10}
        autoFocus
        required
        value={code}
        onChange={(event) => setCode(event.currentTarget.value)}
        error={problem?.forField("code")}
      />
      {problem?.errors.length === 0 && <ProblemNote error={problem} />}
      <ProblemNote error={again.error} />
      <div className="row">
        <Button type="submit" loading={check.isPending}>
          Verify
        </Button>
        <Button
          variant="default"
          onClick={() => again.mutate()}
          loading={again.isPending}
          disabled={(step.sent?.resends_left ?? 1) <= 0}
        >
          Send another code
        </Button>
        <Button variant="subtle" onClick={onCancel}>
          Cancel
        </Button>
      </div>
      {step.step === "new" && <NoText />}
    </form>
  );
}
