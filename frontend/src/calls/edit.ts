import type { Segment } from "../api/types";

/** A line that somebody is putting right.
 *
 * segment: the line as it was when they began, so that what others change meanwhile is noticed. text: what the field says.
 * unplaced: what they had written of a line that is gone, where it has no place in the line that took its place.
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

/** Goes along when the whole turn was heard again and took the line's place: what was written is put in where the line stood. */
export function followed(edit: Edit, segments: readonly Segment[]): Edit {
  if (segments.some((segment) => segment.id === edit.segment.id)) return edit;
  const whole = segments.find((segment) => segment.replaces.includes(edit.segment.id));
  if (whole === undefined) return edit;
  const heard = edit.segment.text;
  if (!isChanged(edit)) return { ...begun(whole), unplaced: edit.unplaced };
  if (!whole.text.includes(heard)) return { ...begun(whole), unplaced: edit.text };
  return { segment: whole, text: whole.text.replace(heard, () => edit.text.trim()), unplaced: edit.unplaced };
}
