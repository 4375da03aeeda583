import { Button, Checkbox } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { policyQuery } from "../../api/policyQueries";
import { ProblemNote } from "../../components/Note";
import classes from "./AuthFrame.module.css";

/** Asks whoever has stopped the text messages, or has a new number, whether they may come. onAllowed: to send the first. */
export function AllowTexts({ why, onAllowed }: { why: string; onAllowed: () => void }) {
  const policy = useQuery(policyQuery);
  const [ticked, setTicked] = useState(false);
  const wording = policy.data?.consents.find((text) => text.purpose === "sms")?.text;
  const allow = useMutation({
    mutationFn: () =>
      answer(
        api.POST("/api/otp/consent", {
          body: { sms_consent: true, policy_version: policy.data?.version ?? "" },
        }),
      ),
    onSuccess: onAllowed,
  });
  return (
    <form
      className={classes.form}
      onSubmit={(event) => {
        event.preventDefault();
        if (ticked && !allow.isPending) allow.mutate();
      }}
    >
      <p>{why}</p>
      <ProblemNote error={policy.error ?? allow.error} />
      <Checkbox
        label={wording ?? "…"}
        checked={ticked}
        onChange={(event) => setTicked(event.currentTarget.checked)}
        disabled={!wording}
      />
      <Button type="submit" disabled={!ticked} loading={allow.isPending}>
        Agree and send a code
      </Button>
    </form>
  );
}
