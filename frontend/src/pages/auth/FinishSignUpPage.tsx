import { Button, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { answer, api } from "../../api/client";
import { asProblem } from "../../api/problem";
import { socialSignUpQuery } from "../../api/queries";
import type { SocialSignUp } from "../../api/types";
import { ProblemNote } from "../../components/Note";
import { useForm } from "../../components/useForm";
import { Waiting } from "../../components/Waiting";
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
import { PROVIDER_NAMES, ProviderMark } from "./providers";
import { useEnter } from "./useEnter";

/** Where a provider's answer leads whoever is new: what it told, and what only the person can give. */
export function FinishSignUpPage() {
  const search = useSearch({ from: "/guest" });
  const confirmed = useQuery(socialSignUpQuery);
  const over = asProblem(confirmed.error)?.code === "social_sign_up_over";
  if (confirmed.data) {
    return (
      <AuthFrame
        title="Finish your account"
        intro={`${PROVIDER_NAMES[confirmed.data.provider]} told us ${
          confirmed.data.email === null ? "your name" : "your name and e-mail address"
        }; nothing else is kept. The rest is what only you can give.`}
      >
        <FinishForm confirmed={confirmed.data} next={search.next} />
      </AuthFrame>
    );
  }
  return (
    <AuthFrame title={over ? "Start again" : "Finish your account"}>
      {confirmed.isPending && <Waiting lines={4} what="what the provider told" />}
      <ProblemNote
        error={confirmed.error}
        action={over ? undefined : <Button onClick={() => confirmed.refetch()}>Try again</Button>}
      />
      {over && (
        <p className="quiet">
          <Link to="/sign-up" search={{ next: search.next }}>
            Create an account
          </Link>{" "}
          or{" "}
          <Link to="/sign-in" search={{ next: search.next }}>
            sign in
          </Link>
          .
        </p>
      )}
    </AuthFrame>
  );
}

function FinishForm({ confirmed, next }: { confirmed: SocialSignUp; next?: string }) {
  const agreements = useAgreements();
  const { values, field } = useForm({
    first_name: confirmed.first_name,
    last_name: confirmed.last_name,
    email: "",
    mobile: "",
  });
  const enter = useEnter(next, (policyVersion: string) =>
    answer(
      api.POST("/api/social/sign-up", {
        body: {
          ...values,
          email: confirmed.email === null ? values.email : undefined,
          sms_consent: agreements.sms,
          policy_accepted: agreements.accepted,
          transfer_consent: agreements.transfer,
          policy_version: policyVersion,
        },
      }),
    ),
  );
  // Whoever leaves is not to be found here by the next person at this browser.
  const drop = useMutation({
    mutationFn: () => answer(api.DELETE("/api/social/sign-up")),
    onSuccess: () => window.location.assign("/sign-up"),
  });
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
      {confirmed.email === null ? (
        <TextInput
          label="E-mail"
          description={`${PROVIDER_NAMES[confirmed.provider]} vouches for none, so type yours.`}
          type="email"
          autoComplete="email"
          required
          error={wrong("email")}
          {...field("email")}
        />
      ) : (
        <TextInput
          label="E-mail"
          leftSection={<ProviderMark provider={confirmed.provider} />}
          value={confirmed.email}
          readOnly
        />
      )}
      <MobileFields field={field} wrong={wrong} agreements={agreements} />
      <PolicyBoxes wrong={wrong} agreements={agreements} />
      <ProblemNote error={rest ?? drop.error} />
      <Button type="submit" loading={enter.isPending} disabled={!version}>
        Create account
      </Button>
      <Button variant="subtle" onClick={() => drop.mutate()} loading={drop.isPending}>
        Use another way
      </Button>
    </form>
  );
}
