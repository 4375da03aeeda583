import { Button, Kbd } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { answer, api } from "../api/client";
import { keepAnswer } from "../api/keepAnswer";
import { keys } from "../api/keys";
import type { Call, CallWithSpeech } from "../api/types";
import { ProblemNote } from "../components/Note";
import { useKey } from "../components/useKey";

/** The lead says that they want no text, instead of pressing the key: one press turns it off, for this call and the next. */
export function RefuseText({ call }: { call: Call }) {
  const client = useQueryClient();
  const refusal = useMutation({
    mutationFn: () =>
      answer(api.POST("/api/calls/{call_id}/text-refusal", { params: { path: { call_id: call.id } } })),
    onSuccess: (next) =>
      keepAnswer<CallWithSpeech>(client, keys.calls.one(call.id), (held) =>
        held && next.sequence >= held.sequence ? { ...held, ...next } : held,
      ),
  });
  const refuse = () => refusal.mutate();
  useKey("t", refuse, !refusal.isPending);
  return (
    <>
      <Button variant="default" size="compact-sm" loading={refusal.isPending} onClick={refuse}>
        They want no text <Kbd ml={8}>t</Kbd>
      </Button>
      <ProblemNote error={refusal.error} />
    </>
  );
}
