import type { PolicyState } from "../../api/types";

/** Stands before the date on which a version takes, took or has taken effect. */
export const STATE_WORDS: Record<PolicyState, string> = {
  past: "no longer in force; it was from",
  in_force: "in force since",
  coming: "takes effect on",
};
