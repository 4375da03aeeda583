import type { Segment } from "../api/types";

/** A line that somebody is putting right.
 *
 * segment: the line as it is now. text: what the field says. unplaced: what they had written before the line got another text, or gave
 * its place to one in which that does not stand.
 */
export interface Edit {
  segment: Segment;
  text: string;
  unplaced: string | null;
}

export function begun(segment: Segment): Edit {
  return { segment, text: segment.text, unplaced: null };
}

export function isChanged(edit: Edit): boolean {
  return edit.text.trim() !== edit.segment.text;
}

/** The newest line that has words. */
export function newestSpeech(segments: readonly Segment[]): Segment | undefined {
  return segments.findLast((segment) => segment.kind === "speech");
}

/** The line of words before (-1) or after (1) the one that is being put right. */
export function neighbour(edit: Edit, segments: readonly Segment[], step: -1 | 1): Segment | undefined {
  const spoken = segments.filter((segment) => segment.kind === "speech");
  const at = spoken.findIndex((segment) => segment.id === edit.segment.id);
  return at < 0 ? undefined : spoken[at + step];
}

/** Goes along with what becomes of the line: another place or another note of it, the text that somebody else gave it, or the whole
 * turn that was heard again and took its place, into which what was written is put where the line stood. */
export function followed(edit: Edit, segments: readonly Segment[]): Edit {
  const now = segments.find((segment) => segment.id === edit.segment.id);
  if (now !== undefined) return now.sequence > edit.segment.sequence ? onLine(edit, now) : edit;
  const whole = segments.find((segment) => segment.replaces.includes(edit.segment.id));
  if (whole === undefined) return edit;
  const heard = edit.segment.text;
  if (!isChanged(edit)) return { ...begun(whole), unplaced: edit.unplaced };
  if (!whole.text.includes(heard)) return { ...begun(whole), unplaced: edit.text };
  return { segment: whole, text: whole.text.replace(heard, () => edit.text.trim()), unplaced: edit.unplaced };
}

/** What was written counts for the words that somebody had before their eyes. Their own text comes back to them as the line's. */
function onLine(edit: Edit, line: Segment): Edit {
  const isOwn = line.text === edit.text.trim();
  if (isOwn || line.text === edit.segment.text) return { ...edit, segment: line };
  return { ...begun(line), unplaced: isChanged(edit) ? edit.text : edit.unplaced };
}
