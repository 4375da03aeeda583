import { Button, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { keys } from "../../api/keys";
import { asProblem } from "../../api/problem";
import { spendingQuery } from "../../api/queries";
import type { WorkspaceSpending } from "../../api/types";
import { useInLook, useSignedIn } from "../../app/useSession";
import { Dialog } from "../../components/Dialog";
import list from "../../components/List.module.css";
import { Note, ProblemNote } from "../../components/Note";
import { Panel } from "../../components/Page";
import { Waiting } from "../../components/Waiting";
import { typedCount, typedMcredits } from "../../format/amount";
import { creditNumber, MCREDITS_PER_CREDIT } from "../../format/credits";

/** What all together may spend in a month, and how many calls they may have at once. The owner alone changes it. */
export function LimitsPanel() {
  const { permissions } = useSignedIn();
  const inLook = useInLook();
  const spending = useQuery(spendingQuery);
  const [changing, setChanging] = useState(false);
  const now = spending.data?.workspace;
  return (
    <Panel
      title="Limits of the team"
      aside={
        permissions.manage_workspace &&
        !inLook &&
        now && (
          <Button variant="default" size="compact-sm" onClick={() => setChanging(true)}>
            Change the limits
          </Button>
        )
      }
    >
      <p className="quiet">
        For all members together, whatever each may spend alone.{" "}
        {!permissions.manage_workspace && "The owner of the workspace sets them."}
      </p>
      <ProblemNote error={spending.error} />
      {spending.isPending && <Waiting lines={2} what="the limits" />}
      {now && <Limits now={now} />}
      {changing && now && <LimitsDialog now={now} onClose={() => setChanging(false)} />}
    </Panel>
  );
}

function Limits({ now }: { now: WorkspaceSpending }) {
  return (
    <table className={list.table}>
      <thead>
        <tr>
          <th scope="col">What</th>
          <th scope="col" className={list.right}>
            Now
          </th>
          <th scope="col" className={list.right}>
            Limit
          </th>
        </tr>
      </thead>
      <tbody>
        <tr>
          <td>Calls at once</td>
          <td className={list.right}>{now.live_calls.toLocaleString("en")}</td>
          <td className={list.right}>{now.live_calls_max?.toLocaleString("en") ?? "None"}</td>
        </tr>
        <tr>
          <td>Credits this month</td>
          <td className={list.right}>{creditNumber(now.spent_mcredits)}</td>
          <td className={list.right}>
            {now.monthly_cap_mcredits === null ? "None" : creditNumber(now.monthly_cap_mcredits)}
          </td>
        </tr>
      </tbody>
    </table>
  );
}

function LimitsDialog({ now, onClose }: { now: WorkspaceSpending; onClose: () => void }) {
  const client = useQueryClient();
  const [calls, setCalls] = useState(now.live_calls_max === null ? "" : String(now.live_calls_max));
  const [credits, setCredits] = useState(
    now.monthly_cap_mcredits === null ? "" : String(now.monthly_cap_mcredits / MCREDITS_PER_CREDIT),
  );
  const count = typedCount(calls);
  const amount = typedMcredits(credits);
  const wrong = count === undefined || amount === undefined;
  const change = useMutation({
    mutationFn: () =>
      answer(
        api.PUT("/api/team/caps", {
          body: { live_calls_max: count ?? null, monthly_cap_mcredits: amount ?? null },
        }),
      ),
    onSuccess: async () => {
      await Promise.all([
        client.invalidateQueries({ queryKey: keys.team }),
        client.invalidateQueries({ queryKey: keys.leads.dialChecks }),
      ]);
      onClose();
    },
  });
  const problem = asProblem(change.error);
  return (
    <Dialog title="Limits of the team" onClose={onClose}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (!wrong && !change.isPending) change.mutate();
        }}
      >
        <TextInput
          label="Calls at once"
          description="Leave it empty for no limit."
          inputMode="numeric"
          autoFocus
          value={calls}
          onChange={(event) => setCalls(event.currentTarget.value)}
          error={
            count === undefined
              ? "Write a whole number from 1 to 10,000, such as 8."
              : problem?.forField("live_calls_max")
          }
        />
        <TextInput
          label="Credits a month"
          description="Leave it empty for no limit; 0 allows nothing. The month begins anew on the first, UTC."
          inputMode="decimal"
          value={credits}
          onChange={(event) => setCredits(event.currentTarget.value)}
          error={
            amount === undefined ? "Write a number, such as 500." : problem?.forField("monthly_cap_mcredits")
          }
        />
        <Note>
          They hold from the next call or question on. A call that goes on is not cut short. With a monthly
          limit one call lasts at most half an hour, or a tenth of what is left where that is more, so that
          the others can call too.
        </Note>
        {problem?.errors.length === 0 && <ProblemNote error={problem} />}
        <div className="row">
          <Button type="submit" loading={change.isPending}>
            Save
          </Button>
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
