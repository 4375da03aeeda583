import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { topUpQuery } from "../../api/creditQueries";
import { keepAnswer } from "../../api/keepAnswer";
import { keys } from "../../api/keys";
import type { TopUpPlan } from "../../api/types";
import { useInLook, useSignedIn } from "../../app/useSession";
import { Note, ProblemNote } from "../../components/Note";
import { Panel } from "../../components/Page";
import { Tag } from "../../components/Tag";
import { Waiting } from "../../components/Waiting";
import { credits, money } from "../../format/credits";
import { when } from "../../format/time";
import { TopUpForm } from "./TopUpForm";

const ENDED: Record<NonNullable<TopUpPlan["end_reason"]>, string> = {
  stopped: "It was stopped.",
  replaced: "It was set up anew.",
  declined: "The payment method was declined, so it switched itself off.",
  past_due: "Paddle could not charge the payment method, so it switched itself off.",
  method_removed: "The payment method was removed at Paddle, so it switched itself off.",
  pack_changed: "The pack has another price now or is not on sale any more, so it switched itself off.",
  refused: "Paddle refused the charge, so it switched itself off.",
  unanswered: "Paddle did not take the charge after several attempts, so it switched itself off.",
  charged_back: "A charge was disputed with the bank, so it switched itself off.",
  owner_left: "Whoever agreed to it does not own the workspace any more, so it switched itself off.",
  erased: "Whoever set it up has left.",
};
const BY_A_PERSON = new Set(["stopped", "replaced", "erased"]);

/** Buying a pack by itself when the balance falls: what was agreed to, what it did, and the way out of it. */
export function TopUpPanel() {
  const topUp = useQuery(topUpQuery);
  const { permissions } = useSignedIn();
  const [settingUp, setSettingUp] = useState(false);
  const client = useQueryClient();
  const stop = useMutation({
    mutationFn: () => answer(api.DELETE("/api/credits/top-up")),
    onSuccess: (stopped) => keepAnswer(client, keys.credits.topUp, stopped),
  });
  const plan = topUp.data?.plan ?? undefined;
  const isOn = plan?.state === "active";
  const inLook = useInLook();
  const maySetUp = topUp.data?.offered && permissions.manage_workspace && !isOn && !inLook;
  return (
    <Panel
      title="Automatic top-up"
      aside={topUp.data && <Tag tone={isOn ? "good" : "plain"}>{isOn ? "On" : "Off"}</Tag>}
    >
      <ProblemNote error={topUp.error} />
      {topUp.isPending && <Waiting lines={2} what="automatic top-up" />}
      {topUp.data && !topUp.data.offered && <p className="quiet">Automatic top-up is not offered here.</p>}
      {plan && <Past plan={plan} />}
      {isOn && plan && <Running plan={plan} />}
      {plan?.cancelling && (
        <p className="quiet">
          Paddle has not confirmed yet that it forgot the payment method. We keep asking.
        </p>
      )}
      {maySetUp && !settingUp && (
        <>
          <p className="quiet">
            Buys a pack by itself when the balance falls below an amount of yours, so that no call ends for
            want of credits. You set the most that is charged in a month.
          </p>
          <div className="row">
            <Button variant="default" onClick={() => setSettingUp(true)}>
              Set it up
            </Button>
            {plan?.state === "pending" && (
              <Button variant="subtle" loading={stop.isPending} onClick={() => stop.mutate()}>
                Leave it off
              </Button>
            )}
          </div>
        </>
      )}
      {maySetUp && settingUp && <TopUpForm held={plan} onCancel={() => setSettingUp(false)} />}
      {topUp.data?.offered && !permissions.manage_workspace && !isOn && (
        <p className="quiet">The owner of your workspace can turn it on.</p>
      )}
      {isOn && permissions.buy_credits && !inLook && (
        <div className="row">
          <Button variant="default" loading={stop.isPending} onClick={() => stop.mutate()}>
            Stop automatic top-up
          </Button>
          <span className="quiet">At once. Paddle forgets the payment method.</span>
        </div>
      )}
      <ProblemNote error={stop.error} />
    </Panel>
  );
}

/** What is on: the terms as they were agreed to, and how much of the month's is used. */
function Running({ plan }: { plan: TopUpPlan }) {
  const price = (times: number) => money(plan.amount_minor * times, plan.currency);
  return (
    <>
      <p className="num">
        When the balance falls below {credits(plan.threshold_mcredits)}, one {plan.pack_name} pack of{" "}
        {credits(plan.mcredits)} is bought for {price(1)} before tax.
      </p>
      <p className="num">
        This month (UTC): {plan.used} of {plan.monthly_max} used, {price(plan.used)} of at most{" "}
        {price(plan.monthly_max)} before tax.
      </p>
      <p className="num quiet">
        Agreed to {plan.by && `by ${plan.by} `}
        {when(plan.agreed_at, new Date())}.
      </p>
      {plan.charging && (
        <Note role="status" title="A top-up is under way">
          The credits arrive when Paddle has the payment.
        </Note>
      )}
      {plan.capped && (
        <Note tone="warn" role="status" title="This month's top-ups are used up">
          The balance is below {credits(plan.threshold_mcredits)} and nothing more is charged this month. Buy
          a pack above, or calls stop when the credits end.
        </Note>
      )}
    </>
  );
}

/** Why it is off, where that needs saying. */
function Past({ plan }: { plan: TopUpPlan }) {
  if (plan.state === "pending") {
    return <Note title="Not finished">No payment method was saved yet, so nothing is charged.</Note>;
  }
  if (plan.end_reason === null || plan.ended_at === null) return null;
  const words = `${ENDED[plan.end_reason]} ${when(plan.ended_at, new Date())}.`;
  if (BY_A_PERSON.has(plan.end_reason)) return <p className="num quiet">{words}</p>;
  return (
    <Note tone="warn" role="status" title="Automatic top-up is off">
      {words} Nothing more is charged, and the payment method is removed.
    </Note>
  );
}
