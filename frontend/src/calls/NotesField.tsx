import { Textarea } from "@mantine/core";
import { type QueryClient, useMutation, useQueryClient } from "@tanstack/react-query";
import { type RefObject, useEffect, useRef, useState } from "react";
import { answer, api } from "../api/client";
import { keepAnswer } from "../api/keepAnswer";
import { keys } from "../api/keys";
import type { Call, CallWithSpeech } from "../api/types";
import { ProblemNote } from "../components/Note";
import { newer } from "../live/apply";

const SAVE_AFTER_MS = 1_000;

/** Outlives the page that sends it. */
function store(callId: string, notes: string): Promise<Call> {
  return answer(
    api.PATCH("/api/calls/{call_id}", {
      params: { path: { call_id: callId } },
      body: { notes },
      keepalive: true,
    }),
  );
}

/** What a field that was here before sent last and nobody knows to be stored; null when there is nothing. */
function unsaved(client: QueryClient, callId: string): string | null {
  const sent = client.getMutationCache().findAll({ mutationKey: keys.calls.notes(callId) });
  const last = sent.at(-1)?.state;
  return last === undefined || last.status === "success" ? null : (last.variables as string);
}

/** Notes of a call, saved while one writes, and when the field or the page goes. */
export function NotesField({ call, field }: { call: Call; field?: RefObject<HTMLTextAreaElement | null> }) {
  const client = useQueryClient();
  const [typed, setTyped] = useState(() => unsaved(client, call.id));
  // What the server holds for sure: from sending until the answer nobody knows, nor after one that never came.
  const saved = useRef<string | null>(call.notes);
  const save = useMutation({
    mutationKey: keys.calls.notes(call.id),
    // One after the other, so that an older text never comes last.
    scope: { id: keys.calls.notes(call.id).join() },
    mutationFn: (notes: string) => store(call.id, notes),
    onMutate: () => {
      saved.current = null;
    },
    onSuccess: (next, notes) => {
      saved.current = notes;
      keepAnswer<CallWithSpeech>(
        client,
        keys.calls.one(call.id),
        (held) => held && { ...newer(held, next), notes },
      );
    },
  });
  const { mutate } = save;
  const waits = typed !== null && typed !== saved.current ? typed : null;
  const waiting = useRef(waits);
  waiting.current = waits;
  useEffect(() => {
    if (waits === null) return;
    const timer = setTimeout(() => mutate(waits), SAVE_AFTER_MS);
    return () => clearTimeout(timer);
  }, [waits, mutate]);
  useEffect(() => {
    function leave(): void {
      // Those before it need not have come back, and this one cannot wait for them any more.
      if (waiting.current !== null) void store(call.id, waiting.current).catch(() => {});
    }
    window.addEventListener("pagehide", leave);
    return () => {
      window.removeEventListener("pagehide", leave);
      if (waiting.current !== null) mutate(waiting.current);
    };
  }, [call.id, mutate]);
  return (
    <>
      <Textarea
        ref={field}
        label="Notes"
        description={<span role="status">{stateWords(save, waits !== null)}</span>}
        rows={3}
        maxLength={10_000}
        value={typed ?? call.notes}
        onChange={(event) => setTyped(event.currentTarget.value)}
        onBlur={() => waits !== null && !(save.isPending && save.variables === waits) && mutate(waits)}
      />
      <ProblemNote error={save.error} />
    </>
  );
}

function stateWords(
  save: { isPending: boolean; isError: boolean; isSuccess: boolean },
  waits: boolean,
): string {
  if (save.isError) return "Not saved";
  if (save.isPending || waits) return "Saving";
  return save.isSuccess ? "Saved" : "Saved as you write";
}
