import type { Segment } from "../api/types";

/** A line that somebody is putting right.
 *
 * segment: the line as it is now. text: what the field says. isOther: whether the line got words, since somebody wrote theirs, that they
 * have not taken into the field. aside: what they had written when they took others. asked: how often a line was asked for while this
 * one's words were not saved. next: the one that was asked for last, unless it is this one.
 */
export interface Edit {
  segment: Segment;
  text: string;
  isOther: boolean;
  aside: readonly string[];
  asked: number;
  next: Segment | null;
}

export function begun(segment: Segment): Edit {
  return { segment, text: segment.text, isOther: false, aside: [], asked: 0, next: null };
}

/** What becomes of it when somebody asks for a line: words that are not saved stay until they are saved or cancelled, and the other one
 * follows then. null: nothing is in its way. */
export function asked(edit: Edit, segment: Segment): Edit | null {
  const isThis = segment.id === edit.segment.id;
  if (!isThis && !isUnsaved(edit)) return null;
  return { ...edit, asked: edit.asked + 1, next: isThis ? edit.next : segment };
}

function isUnsaved(edit: Edit): boolean {
  return isChanged(edit) || edit.aside.some((words) => words !== edit.segment.text);
}

/** The line that was asked for meanwhile, or the whole turn that stands in its place by now. */
export function nextAfter(edit: Edit | null, segments: readonly Segment[]): Segment | undefined {
  return edit?.next ? followed(begun(edit.next), segments).segment : undefined;
}

/** What the line says by now instead of what was written, which stays at hand. */
export function withOther(edit: Edit): Edit {
  return { ...edit, text: edit.segment.text, isOther: false, aside: putAside(edit) };
}

/** What was put aside instead of what the field says, which is put aside for it. */
export function withAside(edit: Edit, words: string): Edit {
  const aside = putAside(edit).filter((each) => each !== words);
  return { ...edit, text: words, isOther: true, aside };
}

function putAside(edit: Edit): readonly string[] {
  return isChanged(edit) && !edit.aside.includes(edit.text) ? [...edit.aside, edit.text] : edit.aside;
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
 * turn that was heard again and took its place, into which what was written is put where the line stood. What somebody wrote stays in
 * the field, whatever comes. */
export function followed(edit: Edit, segments: readonly Segment[]): Edit {
  const now = segments.find((segment) => segment.id === edit.segment.id);
  if (now !== undefined) return now.sequence > edit.segment.sequence ? onLine(edit, now) : edit;
  const whole = segments.find((segment) => segment.replaces.includes(edit.segment.id));
  if (whole === undefined) return edit;
  const heard = edit.segment.text;
  if (!isChanged(edit)) return { ...edit, segment: whole, text: whole.text, isOther: false };
  if (!whole.text.includes(heard)) return { ...edit, segment: whole, isOther: true };
  return { ...edit, segment: whole, text: whole.text.replace(heard, () => edit.text.trim()) };
}

/** Who has written nothing yet begins with the line's new words. Their own text comes back to them as the line's. */
function onLine(edit: Edit, line: Segment): Edit {
  const isOwn = line.text === edit.text.trim();
  if (isOwn || line.text === edit.segment.text) return { ...edit, segment: line };
  return isChanged(edit)
    ? { ...edit, segment: line, isOther: true }
    : { ...edit, segment: line, text: line.text, isOther: false };
}
