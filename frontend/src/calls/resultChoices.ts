import type { ResultFilter } from "../api/types";
import { DISPOSITION_WORDS, OUTCOME_WORDS } from "./status";

const choices = (words: Record<string, string>) =>
  Object.entries(words).map(([value, label]) => ({ value, label }));

/** What a select offers to narrow leads by what came of their last call. */
export const RESULT_CHOICES = [
  { value: "never_called" satisfies ResultFilter, label: "Never called" },
  { group: "How the last call ended", items: choices(OUTCOME_WORDS) },
  { group: "What came of it", items: choices(DISPOSITION_WORDS) },
];
