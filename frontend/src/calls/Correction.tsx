import { Button, Textarea } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type KeyboardEvent, useEffect, useRef } from "react";
import { answer, api } from "../api/client";
import { askAfresh, keepAnswer } from "../api/keepAnswer";
import { keys } from "../api/keys";
import { asProblem } from "../api/problem";
import type { Correction, Segment } from "../api/types";
import { Note, ProblemNote } from "../components/Note";
import { atDateTime } from "../format/time";
import { settled, type Transcript } from "../live/transcript";
import classes from "./Correction.module.css";
import { type Edit, isChanged } from "./edit";
import type { Editing } from "./useEditing";

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
    onError: (error) => {
      // The line says something else by now; who has no live connection would never get to know what.
      if (asProblem(error)?.status === 409) void askAfresh(client, keys.calls.transcript(segment.call_id));
    },
  });
}

interface FieldProps {
  edit: Edit;
  editing: Editing;
}

/** The line's text as a field, in the line's place. Enter saves, Escape leaves it as it was, Alt with an arrow saves and goes on. */
export function CorrectionField({ edit, editing }: FieldProps) {
  const { type, end, step } = editing;
  const field = useRef<HTMLTextAreaElement>(null);
  const save = useCorrection(edit.segment);
  const said = edit.text.trim();

  // Also when it is out of sight by now.
  useEffect(() => {
    if (edit.asked > 0) field.current?.focus();
  }, [edit.asked]);

  function submit(then: () => void): void {
    if (!isChanged(edit)) then();
    else if (said !== "" && !save.isPending) save.mutate(said, { onSuccess: then });
  }

  /** The button goes with the words that it brought, and the keys write on in the field. */
  function take(words: () => void): void {
    words();
    field.current?.focus();
  }

  function pressed(event: KeyboardEvent): void {
    if (event.nativeEvent.isComposing) return;
    if (event.key === "Enter") submit(end);
    else if (event.key === "Escape") end();
    else if (event.altKey && event.key === "ArrowUp") submit(() => step(-1));
    else if (event.altKey && event.key === "ArrowDown") submit(() => step(1));
    else return;
    event.preventDefault();
  }

  return (
    <div className={classes.field}>
      <Textarea
        ref={field}
        aria-label="What was said"
        autosize
        autoFocus
        maxLength={TEXT_MAX}
        value={edit.text}
        error={said === "" ? "Write what was said, or press Escape to leave the line as it was." : undefined}
        onChange={(event) => type(event.currentTarget.value)}
        onKeyDown={pressed}
        onFocus={(event) => event.currentTarget.setSelectionRange(edit.text.length, edit.text.length)}
      />
      <div className={classes.acts}>
        <Button size="compact-sm" loading={save.isPending} disabled={said === ""} onClick={() => submit(end)}>
          Save
        </Button>
        <Button size="compact-sm" variant="default" onClick={end}>
          Cancel
        </Button>
        <span className={classes.keys}>Alt ↑ and Alt ↓ save and go to the next line</span>
      </div>
      <ProblemNote error={save.error} />
      {edit.next && !save.isPending && (
        <Note tone="warn">This line is not saved yet. Save or Cancel goes on to the one that you chose.</Note>
      )}
      {/* Below, so that nothing moves from under the pointer or the words that are being typed. */}
      {edit.isOther && isChanged(edit) && <OtherWords edit={edit} onTake={() => take(editing.takeOther)} />}
      {edit.aside
        .filter((words) => words !== edit.text)
        .map((words) => (
          <Note
            key={words}
            action={<Take onClick={() => take(() => editing.takeBack(words))}>Put it back</Take>}
          >
            You had written: “{words}”
          </Note>
        ))}
    </div>
  );
}

/** What the line says by now, beside what somebody was writing for it. */
function OtherWords({ edit: { segment }, onTake }: { edit: Edit; onTake: () => void }) {
  const isHeardAgain = segment.correction === null && segment.replaces.length > 0;
  const what = segment.correction
    ? `${segment.correction.by ?? "Somebody"} changed this line meanwhile. It says:`
    : `This line was ${isHeardAgain ? "heard again with what was said beside it" : "changed"} meanwhile. It says:`;
  return (
    <Note tone="warn" action={<Take onClick={onTake}>Take these words</Take>}>
      {what} “{segment.text}” Save puts yours in the place of all of it.
    </Note>
  );
}

function Take({ onClick, children }: { onClick: () => void; children: string }) {
  return (
    <Button size="compact-sm" variant="default" onClick={onClick}>
      {children}
    </Button>
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
