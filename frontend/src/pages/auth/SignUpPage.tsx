import { Button, Checkbox, PasswordInput, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { policyQuery } from "../../api/policyQueries";
import { asProblem } from "../../api/problem";
import { ProblemNote } from "../../components/Note";
import { useForm } from "../../components/useForm";
import { AuthFrame } from "./AuthFrame";
import classes from "./AuthFrame.module.css";
import { useEnter } from "./useEnter";

// Refusals that are about one field stand below that field.
const FIELD_OF_CODE: Record<string, string> = {
  email_taken: "email",
  invitation_of_another: "email",
  email_invalid: "email",
  mobile_invalid: "mobile",
  weak_password: "password",
  sms_consent_missing: "sms_consent",
  policy_not_accepted: "policy_accepted",
};

export function SignUpPage() {
  const search = useSearch({ from: "/guest" });
  return (
    <AuthFrame title="Create an account" intro="These five things and your consent are all we ask for.">
      <SignUpForm next={search.next} />
      <p className="quiet">
        Have an account?{" "}
        <Link to="/sign-in" search={search}>
          Sign in
        </Link>
      </p>
    </AuthFrame>
  );
}

/** invitation: the link's token, and what it says of the address that it was sent to, which is to be given here. */
export function SignUpForm({
  next,
  invitation,
}: {
  next?: string;
  invitation?: { token: string; emailHint: string };
}) {
  const policy = useQuery(policyQuery);
  const { values, field } = useForm({
    first_name: "",
    last_name: "",
    email: "",
    mobile: "",
    password: "",
  });
  const [smsConsent, setSmsConsent] = useState(false);
  const [accepted, setAccepted] = useState(false);
  const enter = useEnter(next, (policyVersion: string) =>
    answer(
      api.POST("/api/signup", {
        body: {
          ...values,
          sms_consent: smsConsent,
          policy_accepted: accepted,
          policy_version: policyVersion,
          invitation: invitation?.token,
        },
      }),
    ),
  );
  const problem = asProblem(enter.error);
  const atField = problem && FIELD_OF_CODE[problem.code];
  const wrong = (name: string) => (atField === name ? problem?.detail : problem?.forField(name));
  const wording = (purpose: string) => policy.data?.consents.find((text) => text.purpose === purpose)?.text;
  return (
    <form
      className={classes.form}
      onSubmit={(event) => {
        event.preventDefault();
        if (policy.data && !enter.isPending) enter.mutate(policy.data.version);
      }}
    >
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
      <TextInput
        label="E-mail"
        description={invitation && `The address that the invitation went to: ${invitation.emailHint}`}
        type="email"
        autoComplete="username"
        required
        error={wrong("email")}
        {...field("email")}
      />
      <TextInput
        label="Mobile number"
        description="With its country code, such as +44 7700 900123. Codes go here, and it rings when you call."
        type="tel"
        autoComplete="tel"
        required
        error={wrong("mobile")}
        {...field("mobile")}
      />
      <Checkbox
        label={wording("sms") ?? "I agree to receive one-time passcodes by text message at this number."}
        checked={smsConsent}
        onChange={(event) => setSmsConsent(event.currentTarget.checked)}
        error={wrong("sms_consent")}
        name="sms_consent"
      />
      <PasswordInput
        label="Password"
        description="10 characters or more"
        autoComplete="new-password"
        required
        error={wrong("password")}
        {...field("password")}
      />
      <Checkbox
        label={wording("policy") ?? "I have read the privacy policy and accept it."}
        description={
          <a href="/policy" target="_blank" rel="noreferrer">
            Read the privacy policy
          </a>
        }
        checked={accepted}
        onChange={(event) => setAccepted(event.currentTarget.checked)}
        error={wrong("policy_accepted")}
        name="policy_accepted"
      />
      <ProblemNote error={policy.error} />
      {!atField && problem?.errors.length === 0 && <ProblemNote error={problem} />}
      <Button type="submit" loading={enter.isPending} disabled={!policy.data}>
        Create account
      </Button>
    </form>
  );
}
