import type { Segment } from "../api/types";
import type { Whole } from "./gaps";
import type { Line } from "./stretches";

// Below this the recogniser was not sure of the word, or of the whole text where it knows no single words.
const WORD_DOUBTFUL_BELOW = 0.4;
const TEXT_DOUBTFUL_BELOW = 0.5;
// Both speak for at least so long: shorter is only how people take turns.
const OVERLAP_LEAST_MS = 400;

/** unsure: the recogniser said so. cut: the sound beside it is missing, which the recogniser does not know. */
export type Doubt = "unsure" | "cut";

/** A stretch of text that is doubtful as a whole, for one reason, or not at all. at: the place of its first word. */
export interface Run {
  text: string;
  doubt: Doubt | null;
  at: number;
}

/** The text in as few runs as possible; together they are the text. whole: where nothing is missing beside its words. */
export function doubtRuns(
  segment: Pick<Segment, "text" | "words" | "confidence" | "correction">,
  { fromMs, toMs }: Whole,
): Run[] {
  const { text, words, confidence, correction } = segment;
  // A person stands for a corrected text.
  if (correction) return [{ text, doubt: null, at: 0 }];
  // Only when the words are the text: a removed card number has no times.
  if (words.map((word) => word.text).join(" ") !== text) {
    return [
      { text, doubt: confidence !== null && confidence < TEXT_DOUBTFUL_BELOW ? "unsure" : null, at: 0 },
    ];
  }
  const runs: Run[] = [];
  words.forEach((word, at) => {
    const cut = word.start_ms < fromMs || word.end_ms > toMs;
    const doubt = word.confidence < WORD_DOUBTFUL_BELOW ? "unsure" : cut ? "cut" : null;
    const last = runs.at(-1);
    if (last?.doubt === doubt) last.text += ` ${word.text}`;
    else {
      // The space stands outside of the dots.
      if (last && doubt && last.doubt) runs.push({ text: " ", doubt: null, at });
      else if (last && doubt) last.text += " ";
      runs.push({ text: last && !doubt ? ` ${word.text}` : word.text, doubt, at });
    }
  });
  return runs;
}

/** Whether a segment was spoken while the other one of the two was still speaking, or still is. */
export function overlaps(segment: Segment, before: Line | undefined): boolean {
  if (before === undefined || before.kind === "gap" || segment.kind === "gap") return false;
  if (before.speaker === segment.speaker) return false;
  return Math.min(before.end_ms, segment.end_ms) - segment.start_ms >= OVERLAP_LEAST_MS;
}
