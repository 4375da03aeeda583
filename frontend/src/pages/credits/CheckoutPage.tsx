import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { useCallback, useEffect, useState } from "react";
import { answer, api } from "../../api/client";
import { Problem } from "../../api/problem";
import { checkoutQuery } from "../../api/queries";
import type { Checkout } from "../../api/types";
import { useSignedIn } from "../../app/useSession";
import { Note, ProblemNote } from "../../components/Note";
import { useTitle } from "../../components/Page";
import { Waiting } from "../../components/Waiting";
import { credits, money } from "../../format/credits";
import classes from "./CreditsPage.module.css";
import { loadPaddle } from "./paddle";

const PADDLE_MISSING = new Problem(
  0,
  "paddle_missing",
  "Paddle could not be loaded",
  "Nothing was paid. Check whether something blocks scripts of paddle.com, then reload the page.",
);

/** One purchase. Its intent stands in the address: a reload or a second click comes back to the same purchase. */
export function CheckoutPage() {
  useTitle("Checkout");
  const { pack, intent } = useSearch({ from: "/credits/checkout" });
  const started = useQuery({
    queryKey: ["checkout", pack, intent],
    queryFn: () =>
      answer(
        api.POST("/api/credits/checkouts", {
          params: { header: { "Idempotency-Key": intent ?? "" } },
          body: { price_id: pack ?? "" },
        }),
      ),
    enabled: pack !== undefined && intent !== undefined,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
  return (
    <main className={classes.checkout}>
      <h1>Checkout</h1>
      {(pack === undefined || intent === undefined) && <Note>Choose a pack on the credits page first.</Note>}
      <ProblemNote error={started.error} />
      {started.data ? (
        <Purchase checkout={started.data} />
      ) : (
        started.isFetching && <Waiting lines={4} what="the checkout" />
      )}
      {/* A plain link, not the router's: Paddle's script stays behind with this document. */}
      <a href="/credits">Back to credits</a>
    </main>
  );
}

function Purchase({ checkout }: { checkout: Checkout }) {
  const state = useQuery(checkoutQuery(checkout.checkout_id));
  const [closed, setClosed] = useState(false);
  const { refetch } = state;
  const payable = state.data?.state === "open";
  const paddle = useQuery({
    queryKey: ["paddle", checkout.paddle_js_url, checkout.client_token],
    queryFn: () =>
      loadPaddle(checkout.paddle_js_url, checkout.client_token, (name) => {
        if (name === "checkout.closed") setClosed(true);
        if (name === "checkout.completed") void refetch();
      }),
    enabled: payable,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
    structuralSharing: false,
  });
  const api = paddle.data;
  const { user } = useSignedIn();
  const { transaction_id } = checkout;
  const open = useCallback(
    () => api?.Checkout.open({ transactionId: transaction_id, customer: { email: user.email } }),
    [api, transaction_id, user.email],
  );
  useEffect(() => {
    if (payable) open();
  }, [payable, open]);

  if (state.error) return <ProblemNote error={state.error} />;
  if (!state.data) return <Waiting lines={4} what="the purchase" />;
  const { pack_name, mcredits, amount_minor, currency } = state.data;
  return (
    <>
      <p className="num">
        {pack_name}: {credits(mcredits)} for {money(amount_minor, currency)} before tax.
      </p>
      {paddle.error && <ProblemNote error={PADDLE_MISSING} />}
      {payable && api && closed && (
        <Button
          onClick={() => {
            setClosed(false);
            open();
          }}
        >
          Open the checkout again
        </Button>
      )}
      <div role="status" className="stack">
        {payable && !paddle.error && (
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
