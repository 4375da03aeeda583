import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useRef } from "react";
import { answer, api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Session } from "../../api/types";

/** Where a passcode was sent; null when the carrier refused and the page must offer to try again. */
export const otpKey = ["otp"] as const;

export function useSendCode() {
  const client = useQueryClient();
  return useMutation({
    mutationKey: otpKey,
    mutationFn: () => answer(api.POST("/api/otp/send")),
    onSuccess: (sent) => client.setQueryData(otpKey, sent),
  });
}

/** Signing up or in: the first step makes the session, the second sends the passcode, then the page asks for it.
 * next: where to go afterwards. */
export function useEnter<Form>(next: string | undefined, firstStep: (form: Form) => Promise<Session>) {
  const client = useQueryClient();
  const navigate = useNavigate();
  // Set before the page is drawn again, so that a double click enters once and sends one passcode.
  const entering = useRef(false);
  const enter = useMutation({
    mutationFn: async (form: Form) => {
      const session = await firstStep(form);
      // A passcode that cannot be sent is said on the next page, beside the button that sends another.
      const sent = await answer(api.POST("/api/otp/send")).catch((error: unknown) => ({ error }));
      return { session, sent };
    },
    onSuccess: async ({ session, sent }) => {
      client.clear();
      client.setQueryData(keys.session, session);
      client.setQueryData(otpKey, sent);
      await navigate({ to: "/verify", search: { next } });
    },
    onError: () => {
      entering.current = false;
    },
  });
  function mutate(form: Form): void {
    if (entering.current) return;
    entering.current = true;
    enter.mutate(form);
  }
  return { error: enter.error, isPending: enter.isPending, mutate };
}
