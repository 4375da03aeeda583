import { Textarea } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type RefObject, useEffect, useRef, useState } from "react";
import { answer, api } from "../api/client";
import { keys } from "../api/keys";
import type { Call, CallWithSpeech } from "../api/types";
import { ProblemNote } from "../components/Note";

const SAVE_AFTER_MS = 1_000;

/** Notes of a call, saved while one writes. */
export function NotesField({ call, field }: { call: Call; field?: RefObject<HTMLTextAreaElement | null> }) {
  const client = useQueryClient();
  const [text, setText] = useState(call.notes);
  const saved = useRef(call.notes);
  const save = useMutation({
    mutationFn: (notes: string) =>
      answer(api.PATCH("/api/calls/{call_id}", { params: { path: { call_id: call.id } }, body: { notes } })),
    onSuccess: (next, notes) => {
      saved.current = notes;
      client.setQueryData<CallWithSpeech>(keys.calls.one(call.id), (held) => held && { ...held, ...next });
    },
  });
  const { mutate } = save;
  useEffect(() => {
    if (text === saved.current) return;
    const timer = setTimeout(() => mutate(text), SAVE_AFTER_MS);
    return () => clearTimeout(timer);
  }, [text, mutate]);
  const state = save.isPending || text !== saved.current ? "Saving" : save.isSuccess ? "Saved" : "";
  return (
    <>
      <Textarea
        ref={field}
        label="Notes"
        description={<span role="status">{state || "Saved as you write"}</span>}
        rows={3}
        maxLength={10_000}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        onBlur={() => text !== saved.current && mutate(text)}
      />
      <ProblemNote error={save.error} />
    </>
  );
}
