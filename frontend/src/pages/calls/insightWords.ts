import type { Insight } from "../../api/types";

export const KIND_WORDS: Record<Insight["kind"], string> = {
  summary: "Summary",
  topic: "Topic",
  next_step: "Next step",
  objection: "Objection",
  question: "Question",
  price: "Price",
  commitment: "Commitment",
  do_not_call: "Do not call",
  sentiment: "Mood",
};

/** What to look at first stands first. */
export const KIND_ORDER: readonly Insight["kind"][] = [
  "do_not_call",
  "summary",
  "next_step",
  "commitment",
  "objection",
  "price",
  "question",
  "topic",
  "sentiment",
];

const MARKS: Partial<Record<Insight["kind"], string>> = {
  objection: "O",
  price: "P",
  next_step: "N",
  do_not_call: "D",
};

/** The letter on the talk strip, for the kinds that have one. */
export function markOf(kind: Insight["kind"]): string | undefined {
  return MARKS[kind];
}
