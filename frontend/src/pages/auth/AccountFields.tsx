import { Checkbox, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { policyQuery } from "../../api/policyQueries";
import { asProblem } from "../../api/problem";
import { ProblemNote } from "../../components/Note";
import type { useForm } from "../../components/useForm";
import { Waiting } from "../../components/Waiting";
import classes from "./AuthFrame.module.css";

// Refusals that are about one field stand below that field.
const FIELD_OF_CODE: Record<string, string> = {
  email_taken: "email",
  invitation_of_another: "email",
  email_invalid: "email",
  mobile_invalid: "mobile",
  weak_password: "password",
  sms_consent_missing: "sms_consent",
  policy_not_accepted: "policy_accepted",
  transfer_not_agreed: "transfer_consent",
};

/** What was refused: `wrong` says it of one field, `rest` is what is about none. */
export function useRefusals(error: unknown) {
  const problem = asProblem(error);
  const atField = problem && FIELD_OF_CODE[problem.code];
  return {
    wrong: (name: string) => (atField === name ? problem?.detail : problem?.forField(name)),
    rest: !atField && problem?.errors.length === 0 ? problem : null,
  };
}

/** The boxes that every new account needs ticked, and the version of the policy that they are about. */
export function useAgreements() {
  const policy = useQuery(policyQuery);
  const [sms, setSms] = useState(false);
  const [accepted, setAccepted] = useState(false);
  const [transfer, setTransfer] = useState(false);
  // Somebody has tried to go on without all of them.
  const [asked, setAsked] = useState(false);
  return { policy, sms, setSms, accepted, setAccepted, transfer, setTransfer, asked, setAsked };
}

type Field = (
  name: "first_name" | "last_name" | "mobile",
) => ReturnType<ReturnType<typeof useForm<Record<string, string>>>["field"]>;
type Wrong = (name: string) => string | undefined;

export function NameFields({ field, wrong }: { field: Field; wrong: Wrong }) {
  return (
    <div className={classes.pair}>
      <TextInput
        label="First name"
        autoComplete="given-name"
        required
        error={wrong("first_name")}
        {...field("first_name")}
      />
      <TextInput
        label="Last name"
        autoComplete="family-name"
        required
        error={wrong("last_name")}
        {...field("last_name")}
      />
    </div>
  );
}

export type Agreements = ReturnType<typeof useAgreements>;

const UNTICKED = {
  sms: "Signing in needs passcodes by text message. Tick the box to agree to receive them.",
  accepted: "Read the privacy policy and tick the box to accept it.",
  transfer: "Agree to storage in the European Union in its box: our servers stand there.",
};
const untickedWords = (agreements: Agreements, box: keyof typeof UNTICKED) =>
  agreements.asked && !agreements[box] ? UNTICKED[box] : undefined;

/** Whether every box is ticked. If not, each that is missing says so, all at once, and the first takes the focus. */
export function agreedToAll(agreements: Agreements, form: HTMLFormElement): boolean {
  agreements.setAsked(true);
  if (agreements.sms && agreements.accepted && agreements.transfer) return true;
  form.querySelector<HTMLInputElement>("input[type=checkbox]:not(:checked)")?.focus();
  return false;
}

/** What ticking the box agrees to. Before the server has said it there is no box: nobody agrees to words that change after it. */
const wordingOf = ({ policy }: Agreements, purpose: string) =>
  policy.data?.consents.find((text) => text.purpose === purpose)?.text;

/** The number, and the consent to text messages beside it. */
export function MobileFields({
  field,
  wrong,
  agreements,
}: {
  field: Field;
  wrong: Wrong;
  agreements: Agreements;
}) {
  const wording = wordingOf(agreements, "sms");
  return (
    <>
      <TextInput
        label="Mobile number"
        description="With its country code, such as +44 7400 123456. Codes go here, and it rings when you call."
        type="tel"
        autoComplete="tel"
        required
        error={wrong("mobile")}
        {...field("mobile")}
      />
      {wording ? (
        <Checkbox
          label={wording}
          checked={agreements.sms}
          onChange={(event) => agreements.setSms(event.currentTarget.checked)}
          error={untickedWords(agreements, "sms") ?? wrong("sms_consent")}
          name="sms_consent"
        />
      ) : (
        agreements.policy.isPending && <Waiting lines={2} what="what you agree to" />
      )}
    </>
  );
}

/** The policy, and the country in which everything is kept: two boxes, since one is agreed to without the other. */
export function PolicyBoxes({ wrong, agreements }: { wrong: Wrong; agreements: Agreements }) {
  const wording = wordingOf(agreements, "policy");
  const transfer = wordingOf(agreements, "transfer");
  return (
    <>
      {wording && (
        <Checkbox
          label={wording}
          description={
            <a href="/policy" target="_blank" rel="noreferrer">
              Read the privacy policy
            </a>
          }
          checked={agreements.accepted}
          onChange={(event) => agreements.setAccepted(event.currentTarget.checked)}
          error={untickedWords(agreements, "accepted") ?? wrong("policy_accepted")}
          name="policy_accepted"
        />
      )}
      {transfer && (
        <Checkbox
          label={transfer}
          description={
            <a href="/policy/recipients" target="_blank" rel="noreferrer">
              Who receives data, and in which country
            </a>
          }
          checked={agreements.transfer}
          onChange={(event) => agreements.setTransfer(event.currentTarget.checked)}
          error={untickedWords(agreements, "transfer") ?? wrong("transfer_consent")}
          name="transfer_consent"
        />
      )}
      <ProblemNote error={agreements.policy.error} />
    </>
  );
}
