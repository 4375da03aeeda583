import { Button, Textarea } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { KeyboardEvent } from "react";
import { answer, api } from "../api/client";
import { keepAnswer } from "../api/keepAnswer";
import { keys } from "../api/keys";
import type { Correction, Segment } from "../api/types";
import { Note, ProblemNote } from "../components/Note";
import { atDateTime } from "../format/time";
import { settled, type Transcript } from "../live/transcript";
import classes from "./Correction.module.css";
import { type Edit, isChanged } from "./edit";

const TEXT_MAX = 4_000;

/** Sends a segment's right text; null puts back what was recognised. */
function useCorrection(segment: Segment) {
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
      keepAnswer<Transcript>(
        client,
        keys.calls.transcript(segment.call_id),
        (held) => held && settled(held, corrected),
      );
      void client.invalidateQueries({ queryKey: keys.calls.insights(segment.call_id) });
    },
  });
}

interface FieldProps {
  edit: Edit;
  onType: (text: string) => void;
  onDone: () => void;
  /** Goes on with the line before or after. */
  onStep: (step: -1 | 1) => void;
}

/** The line's text as a field, in the line's place. Enter saves, Escape leaves it as it was, Alt with an arrow saves and goes on. */
export function CorrectionField({ edit, onType, onDone, onStep }: FieldProps) {
  const save = useCorrection(edit.segment);
  const said = edit.text.trim();

  function submit(then: () => void): void {
    if (!isChanged(edit)) then();
    else if (said !== "" && !save.isPending) save.mutate(said, { onSuccess: then });
  }

  function pressed(event: KeyboardEvent): void {
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Enter") submit(onDone);
    else if (event.key === "Escape") onDone();
    else if (event.altKey && event.key === "ArrowUp") submit(() => onStep(-1));
    else if (event.altKey && event.key === "ArrowDown") submit(() => onStep(1));
    else return;
    event.preventDefault();
  }

  return (
    <div className={classes.field}>
      {edit.unplaced !== null && (
        <Note>
          The line was changed or heard again meanwhile, and this is its text now. You had written: “
          {edit.unplaced}”
        </Note>
      )}
      <Textarea
        aria-label="What was said"
        autosize
        autoFocus
        maxLength={TEXT_MAX}
        value={edit.text}
        error={said === "" ? "Write what was said, or press Escape to leave the line as it was." : undefined}
        onChange={(event) => onType(event.currentTarget.value)}
        onKeyDown={pressed}
        onFocus={(event) => event.currentTarget.setSelectionRange(edit.text.length, edit.text.length)}
      />
      <div className={classes.acts}>
        <Button
          size="compact-sm"
          loading={save.isPending}
          disabled={said === ""}
          onClick={() => submit(onDone)}
        >
          Save
        </Button>
        <Button size="compact-sm" variant="default" onClick={onDone}>
          Cancel
        </Button>
        <span className={classes.keys}>Alt ↑ and Alt ↓ save and go to the next line</span>
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
