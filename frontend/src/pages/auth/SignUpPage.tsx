import { Button, PasswordInput, TextInput } from "@mantine/core";
import { Link, useSearch } from "@tanstack/react-router";
import { answer, api } from "../../api/client";
import { ProblemNote } from "../../components/Note";
import { useForm } from "../../components/useForm";
import {
  agreedToAll,
  MobileFields,
  NameFields,
  PolicyBoxes,
  useAgreements,
  useRefusals,
} from "./AccountFields";
import { AuthFrame } from "./AuthFrame";
import classes from "./AuthFrame.module.css";
import { SocialButtons } from "./SocialButtons";
import { useEnter } from "./useEnter";

export function SignUpPage() {
  const search = useSearch({ from: "/guest" });
  return (
    <AuthFrame title="Create an account" intro="These five things and your consent are all we ask for.">
      <SocialButtons intent="sign_up" next={search.next} refused={search.refused} by={search.by} />
      <SignUpForm next={search.next} />
      <p className="quiet">
        Have an account?{" "}
        <Link to="/sign-in" search={{ next: search.next }}>
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
  const agreements = useAgreements();
  const { values, field } = useForm({
    first_name: "",
    last_name: "",
    email: "",
    mobile: "",
    password: "",
  });
  const enter = useEnter(next, (policyVersion: string) =>
    answer(
      api.POST("/api/signup", {
        body: {
          ...values,
          sms_consent: agreements.sms,
          policy_accepted: agreements.accepted,
          transfer_consent: agreements.transfer,
          policy_version: policyVersion,
          invitation: invitation?.token,
        },
      }),
    ),
  );
  const { wrong, rest } = useRefusals(enter.error);
  const version = agreements.policy.data?.version;
  return (
    <form
      className={classes.form}
      onSubmit={(event) => {
        event.preventDefault();
        if (!version || enter.isPending || !agreedToAll(agreements, event.currentTarget)) return;
        enter.mutate(version);
      }}
    >
      <NameFields field={field} wrong={wrong} />
      <TextInput
        label="E-mail"
        description={invitation && `The address that the invitation went to: ${invitation.emailHint}`}
        type="email"
        autoComplete="username"
        required
        error={wrong("email")}
        {...field("email")}
      />
      <MobileFields field={field} wrong={wrong} agreements={agreements} />
      <PasswordInput
        label="Password"
        description="10 characters or more"
        autoComplete="new-password"
        required
        error={wrong("password")}
        {...field("password")}
      />
      <PolicyBoxes wrong={wrong} agreements={agreements} />
      <ProblemNote error={rest} />
      <Button type="submit" loading={enter.isPending} disabled={!version}>
        Create account
      </Button>
    </form>
  );
}
