import { useQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useState } from "react";
import { Problem } from "../../api/problem";
import { useSignedIn } from "../../app/useSession";
import { loadPaddle } from "./paddle";

const PADDLE_MISSING = new Problem(
  0,
  "paddle_missing",
  "Paddle could not be loaded",
  "Nothing was paid. Check whether something blocks scripts of paddle.com, then reload the page.",
);

interface Opening {
  transaction_id: string;
  client_token: string;
  paddle_js_url: string;
}

/**
 * Opens Paddle's window for a transaction while that can be paid.
 * reopen: opens it again; there once the person has closed it.
 */
export function usePaddleCheckout(opening: Opening, payable: boolean, onCompleted: () => void) {
  const [closed, setClosed] = useState(false);
  const { transaction_id, client_token, paddle_js_url } = opening;
  const paddle = useQuery({
    queryKey: ["paddle", paddle_js_url, client_token],
    queryFn: () =>
      loadPaddle(paddle_js_url, client_token, (name) => {
        if (name === "checkout.closed") setClosed(true);
        if (name === "checkout.completed") onCompleted();
      }),
    enabled: payable,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
    structuralSharing: false,
  });
  const api = paddle.data;
  const { user } = useSignedIn();
  const open = useCallback(
    () => api?.Checkout.open({ transactionId: transaction_id, customer: { email: user.email } }),
    [api, transaction_id, user.email],
  );
  useEffect(() => {
    if (payable) open();
    // Paid: what Paddle still says in its window is said on the page as well.
    else api?.Checkout.close();
  }, [payable, open, api]);
  const reopen =
    payable && api && closed
      ? () => {
          setClosed(false);
          open();
        }
      : null;
  return { error: paddle.error ? PADDLE_MISSING : null, reopen };
}
