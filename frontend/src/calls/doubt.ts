import type { Segment } from "../api/types";
import type { Line } from "./stretches";

// Below this the recogniser was not sure of the word, or of the whole text where it knows no single words.
const WORD_DOUBTFUL_BELOW = 0.4;
const TEXT_DOUBTFUL_BELOW = 0.5;
// Both speak for at least so long: shorter is only how people take turns.
const OVERLAP_LEAST_MS = 400;

/** A stretch of text that is doubtful as a whole or not at all. at: the place of its first word. */
export interface Run {
  text: string;
  doubtful: boolean;
  at: number;
}

/** The text in as few runs as possible; together they are the text. */
export function doubtRuns(segment: Pick<Segment, "text" | "words" | "confidence" | "correction">): Run[] {
  const { text, words, confidence, correction } = segment;
  // A person stands for a corrected text.
  if (correction) return [{ text, doubtful: false, at: 0 }];
  // Only when the words are the text: a removed card number has no times.
  if (words.map((word) => word.text).join(" ") !== text) {
    return [{ text, doubtful: confidence !== null && confidence < TEXT_DOUBTFUL_BELOW, at: 0 }];
  }
  const runs: Run[] = [];
  words.forEach((word, at) => {
    const doubtful = word.confidence < WORD_DOUBTFUL_BELOW;
    const last = runs.at(-1);
    if (last?.doubtful === doubtful) last.text += ` ${word.text}`;
    else {
      // The space stands outside of the dots.
      if (last && doubtful) last.text += " ";
      runs.push({ text: last && !doubtful ? ` ${word.text}` : word.text, doubtful, at });
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
