import { useMemo, useRef, useState } from "react";
import type { Segment } from "../api/types";
import { asked, begun, type Edit, followed, neighbour, nextAfter, withAside, withOther } from "./edit";

/** Putting one line after another right; the same functions for as long as the text is shown. */
export interface Editing {
  /** Once what was written for another line is saved or cancelled. */
  begin: (segment: Segment) => void;
  type: (text: string) => void;
  /** Has the field say what the line says by now. */
  takeOther: () => void;
  /** Has it say again what was put aside for that. */
  takeBack: (words: string) => void;
  end: () => void;
  step: (step: -1 | 1) => void;
}

interface Turns {
  /** Called when somebody begins, and when they are done, not between two lines. */
  onBegin: () => void;
  onEnd: () => void;
}

export function useEditing(
  segments: readonly Segment[],
  turns: Turns,
): { edit: Edit | null; editing: Editing } {
  const [held, setEdit] = useState<Edit | null>(null);
  const edit = held && followed(held, segments);
  if (edit !== held) setEdit(edit);
  const latest = useRef({ edit, segments, turns });
  latest.current = { edit, segments, turns };
  const editing = useMemo<Editing>(() => {
    function go(segment: Segment | undefined): void {
      const { edit: before, turns: told } = latest.current;
      if (segment && !before) told.onBegin();
      setEdit(segment ? begun(segment) : null);
      if (!segment) told.onEnd();
    }
    return {
      begin: (segment) => {
        const kept = latest.current.edit && asked(latest.current.edit, segment);
        if (kept) setEdit(kept);
        else go(segment);
      },
      type: (text) => setEdit((now) => now && { ...now, text }),
      takeOther: () => setEdit((now) => now && withOther(now)),
      takeBack: (words) => setEdit((now) => now && withAside(now, words)),
      end: () => go(nextAfter(latest.current.edit, latest.current.segments)),
      step: (step) => {
        const { edit: now, segments: said } = latest.current;
        go(now ? neighbour(now, said, step) : undefined);
      },
    };
  }, []);
  return { edit, editing };
}
