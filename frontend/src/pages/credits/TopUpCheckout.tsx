import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { answer, api } from "../../api/client";
import { topUpQuery } from "../../api/creditQueries";
import type { TopUpSetup, TopUpTerms } from "../../api/types";
import { Note, ProblemNote } from "../../components/Note";
import { Waiting } from "../../components/Waiting";
import { usePaddleCheckout } from "./usePaddleCheckout";

/** Saves a payment method for automatic top-up, which was agreed to on the page before. */
export function TopUpCheckout({ terms, hash, intent }: { terms: TopUpTerms; hash: string; intent: string }) {
  const started = useQuery({
    queryKey: ["top-up", intent],
    queryFn: () =>
      answer(
        api.POST("/api/credits/top-up", {
          params: { header: { "Idempotency-Key": intent } },
          body: { ...terms, words_hash: hash },
        }),
      ),
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
  if (started.data) return <Saving setup={started.data} />;
  return (
    <>
      <ProblemNote error={started.error} />
      {started.isFetching && <Waiting lines={4} what="the checkout" />}
    </>
  );
}

function Saving({ setup }: { setup: TopUpSetup }) {
  const topUp = useQuery({ ...topUpQuery, refetchInterval: 2_000 });
  const plan = topUp.data?.plan?.plan_id === setup.plan_id ? topUp.data.plan : undefined;
  const savable = plan?.state === "pending";
  const { error, reopen } = usePaddleCheckout(setup, savable, () => void topUp.refetch());
  return (
    <>
      <p>Saving a payment method costs nothing. What is charged later is what you just agreed to.</p>
      <ProblemNote error={topUp.error ?? error} />
      {reopen && <Button onClick={reopen}>Open the checkout again</Button>}
      <div role="status" className="stack">
        {savable && !error && (
          <p className="quiet">
            Save your payment method in Paddle's window. This page notices when it is done.
          </p>
        )}
        {plan?.state === "active" && (
          <Note tone="good" title="Automatic top-up is on">
            Your payment method is saved with Paddle. You can stop at any time on the credits page.
          </Note>
        )}
        {plan?.state === "ended" && (
          <Note tone="warn" title="Automatic top-up is off">
            It was stopped before a payment method was saved, so nothing will be charged.
          </Note>
        )}
      </div>
    </>
  );
}
