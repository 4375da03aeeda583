import { Button, Textarea } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type KeyboardEvent, useState } from "react";
import { answer, api } from "../api/client";
import { keys } from "../api/keys";
import type { Correction, Segment } from "../api/types";
import { ProblemNote } from "../components/Note";
import { atDateTime } from "../format/time";
import { settled, type Transcript } from "../live/transcript";
import classes from "./Correction.module.css";

const TEXT_MAX = 4_000;

/** Sends a segment's right text; null puts back what was recognised. */
function useCorrection(segment: Segment, onDone?: () => void) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (text: string | null) =>
      answer(
        api.PATCH("/api/segments/{segment_id}", {
          params: { path: { segment_id: segment.id } },
          body: { sequence: segment.sequence, text },
        }),
      ),
    onSuccess: (corrected) => {
      client.setQueryData<Transcript>(
        keys.calls.transcript(segment.call_id),
        (held) => held && settled(held, corrected),
      );
      void client.invalidateQueries({ queryKey: keys.calls.insights(segment.call_id) });
      onDone?.();
    },
  });
}

/** The line's text as a field, in the line's place. Enter saves, Escape leaves it as it was. */
export function CorrectionField({ segment, onDone }: { segment: Segment; onDone: () => void }) {
  const [text, setText] = useState(segment.text);
  const save = useCorrection(segment, onDone);
  const said = text.trim();

  function submit(): void {
    if (said === segment.text) onDone();
    else if (said !== "" && !save.isPending) save.mutate(said);
  }

  function pressed(event: KeyboardEvent): void {
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Enter") submit();
    else if (event.key === "Escape") onDone();
    else return;
    event.preventDefault();
  }

  return (
    <div className={classes.field}>
      <Textarea
        aria-label="What was said"
        autosize
        autoFocus
        maxLength={TEXT_MAX}
        value={text}
        error={said === "" ? "Write what was said, or press Escape to leave the line as it was." : undefined}
        onChange={(event) => setText(event.currentTarget.value)}
        onKeyDown={pressed}
      />
      <div className={classes.acts}>
        <Button size="compact-sm" loading={save.isPending} disabled={said === ""} onClick={submit}>
          Save
        </Button>
        <Button size="compact-sm" variant="default" onClick={onDone}>
          Cancel
        </Button>
      </div>
      <ProblemNote error={save.error} />
    </div>
  );
}

/** Who put a line right and when; the recognised words and the way back on demand. */
export function CorrectedMark({ segment, correction }: { segment: Segment; correction: Correction }) {
  const undo = useCorrection(segment);
  return (
    <details className={classes.mark}>
      <summary>
        Corrected by {correction.by ?? "somebody who has left"}, {atDateTime(correction.at)}
      </summary>
      <p>Recognised as: “{correction.original_text}”</p>
      <Button size="compact-xs" variant="default" loading={undo.isPending} onClick={() => undo.mutate(null)}>
        Undo the correction
      </Button>
      <ProblemNote error={undo.error} />
    </details>
  );
}
