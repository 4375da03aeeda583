import { Button, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { keepAnswer } from "../../api/keepAnswer";
import { keys } from "../../api/keys";
import type { Balance } from "../../api/types";
import { ProblemNote } from "../../components/Note";
import { Panel } from "../../components/Page";
import { credits, MCREDITS_PER_CREDIT } from "../../format/credits";
import classes from "./CreditsPage.module.css";

/** The line under the balance below which everybody in the workspace is told. */
export function AlertForm({ balance }: { balance: Balance }) {
  const client = useQueryClient();
  const threshold = balance.alert?.threshold_mcredits ?? null;
  const [typed, setTyped] = useState(threshold === null ? "" : String(threshold / MCREDITS_PER_CREDIT));
  const save = useMutation({
    mutationFn: (mcredits: number | null) =>
      answer(api.PUT("/api/credits/alert", { body: { threshold_mcredits: mcredits } })),
    onSuccess: (saved) => keepAnswer(client, keys.credits.balance, saved),
  });
  const wanted = Math.round(Number(typed) * MCREDITS_PER_CREDIT);
  const usable = typed.trim() !== "" && Number.isFinite(wanted) && wanted >= 1;
  return (
    <Panel title="Low balance">
      <p className="quiet num">
        {threshold === null
          ? "Nobody is told when the credits run low. Set an amount: everybody in the workspace sees it here and at the top of each page, and who may buy credits gets an e-mail."
          : `Each time the balance falls below ${credits(threshold)}, everybody in the workspace is told, and who may buy credits gets one e-mail.`}
      </p>
      <form
        className={classes.alert}
        onSubmit={(event) => {
          event.preventDefault();
          if (usable && !save.isPending) save.mutate(wanted);
        }}
      >
        <TextInput
          label="Tell us below, in credits"
          description={
            usable ? undefined : "Type an amount of at least 0.001, and the button can be pressed."
          }
          type="number"
          inputMode="decimal"
          min="0.001"
          max="1000000000"
          step="any"
          required
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
        <Button type="submit" variant="default" loading={save.isPending} disabled={!usable}>
          {threshold === null ? "Set the alert" : "Change it"}
        </Button>
        {threshold !== null && (
          <Button variant="subtle" onClick={() => save.mutate(null)} disabled={save.isPending}>
            Turn it off
          </Button>
        )}
      </form>
      <ProblemNote error={save.error} />
    </Panel>
  );
}
