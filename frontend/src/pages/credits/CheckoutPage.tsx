import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { answer, api } from "../../api/client";
import { checkoutQuery } from "../../api/creditQueries";
import { sessionQuery } from "../../api/queries";
import type { Checkout } from "../../api/types";
import { Note, ProblemNote } from "../../components/Note";
import { useTitle } from "../../components/Page";
import { Waiting } from "../../components/Waiting";
import { credits, money } from "../../format/credits";
import classes from "./CreditsPage.module.css";
import { TopUpCheckout } from "./TopUpCheckout";
import { usePaddleCheckout } from "./usePaddleCheckout";

/** One purchase, or the saving of a payment method. Its intent stands in the address: a reload or a second click comes back
 * to the same. */
export function CheckoutPage() {
  useTitle("Checkout");
  const { data: session } = useQuery(sessionQuery);
  const { pack, intent, top_up, below, times, words } = useSearch({ from: "/credits/checkout" });
  const terms =
    top_up !== undefined && below !== undefined && times !== undefined
      ? { price_id: top_up, threshold_mcredits: below, monthly_max: times }
      : undefined;
  return (
    <main className={classes.checkout}>
      <h1>{terms ? "Automatic top-up" : "Checkout"}</h1>
      {session?.use_refused && (
        <Note tone="warn" title="You cannot use credits now">
          {session.use_refused} <a href="/privacy">Privacy centre</a>
        </Note>
      )}
      {intent !== undefined && terms && words !== undefined ? (
        <TopUpCheckout terms={terms} hash={words} intent={intent} />
      ) : intent !== undefined && pack !== undefined ? (
        <PackCheckout pack={pack} intent={intent} />
      ) : (
        <Note>Choose a pack on the credits page first.</Note>
      )}
      {/* A plain link, not the router's: Paddle's script stays behind with this document. */}
      <a href="/credits">Back to credits</a>
    </main>
  );
}

function PackCheckout({ pack, intent }: { pack: string; intent: string }) {
  const started = useQuery({
    queryKey: ["checkout", pack, intent],
    queryFn: () =>
      answer(
        api.POST("/api/credits/checkouts", {
          params: { header: { "Idempotency-Key": intent } },
          body: { price_id: pack },
        }),
      ),
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
  if (started.data) return <Purchase checkout={started.data} />;
  return (
    <>
      <ProblemNote error={started.error} />
      {started.isFetching && <Waiting lines={4} what="the checkout" />}
    </>
  );
}

function Purchase({ checkout }: { checkout: Checkout }) {
  const state = useQuery(checkoutQuery(checkout.checkout_id));
  const payable = state.data?.state === "open";
  const { error, reopen } = usePaddleCheckout(checkout, payable, () => void state.refetch());

  if (!state.data) {
    if (state.error) return <ProblemNote error={state.error} />;
    return <Waiting lines={4} what="the purchase" />;
  }
  const { pack_name, mcredits, amount_minor, currency } = state.data;
  return (
    <>
      <p className="num">
        {pack_name}: {credits(mcredits)} for {money(amount_minor, currency)} before tax.
      </p>
      <ProblemNote error={state.error ?? error} />
      {reopen && <Button onClick={reopen}>Open the checkout again</Button>}
      <div role="status" className="stack">
        {payable && !error && (
          <p className="quiet">Pay in Paddle's window. This page notices when it is done.</p>
        )}
        {state.data.state === "paid" && (
          <Note title="Paid">
            Paddle has your payment. The credits arrive in a moment; this page notices.
          </Note>
        )}
        {state.data.state === "granted" && (
          <Note tone="good" title="Your credits are there">
            {credits(mcredits)} were added to your workspace.
          </Note>
        )}
        {state.data.state === "failed" && (
          <Note tone="bad" title="The payment failed">
            Nothing was charged and no credits were added. Go back and choose a pack to try again.
          </Note>
        )}
      </div>
    </>
  );
}
