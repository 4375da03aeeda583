import type { Opened, StaffRole } from "../../api/types";

export const STAFF_ROLE_WORDS: Record<StaffRole, string> = {
  support: "Support",
  privacy_officer: "Privacy officer",
  admin: "Admin",
};

/** One of a kind, and several of it. */
const OPENED: Record<Opened["what"], [string, string]> = {
  activity: ["activity", "activity"],
  balance: ["the balance", "the balance"],
  burn_down: ["spending over time", "spending over time"],
  call: ["1 call", "calls"],
  calls: ["the list of calls", "the list of calls"],
  dial_check: ["the check before dialling 1 lead", "checks before dialling"],
  explanation: ["an explained charge", "explained charges"],
  insights: ["insights of 1 call", "insights of calls"],
  keys: ["the list of API keys", "the list of API keys"],
  lead: ["1 lead", "leads"],
  leads: ["the list of leads", "the list of leads"],
  looks: ["this list", "this list"],
  purchases: ["purchases", "purchases"],
  questions: ["questions", "questions"],
  receipt: ["the receipt of 1 call", "receipts of calls"],
  spending: ["what members spend", "what members spend"],
  statement: ["the statement", "the statement"],
  team: ["the team", "the team"],
  top_up: ["automatic top-up", "automatic top-up"],
  transcript: ["the text of 1 call", "texts of calls"],
};

/** What was opened in a look, each kind once with its count, as one sentence. */
export function openedWords(opened: readonly Opened[]): string {
  const counts = new Map<Opened["what"], number>();
  for (const { what } of opened) counts.set(what, (counts.get(what) ?? 0) + 1);
  const words = [...counts].map(([what, count]) => {
    const [one, several] = OPENED[what];
    return count === 1 || one === several ? one : `${count} ${several}`;
  });
  return words.length === 0 ? "Nothing was opened." : `Opened: ${words.join(", ")}.`;
}

/** The calls among what was opened, each once. */
export function openedCalls(opened: readonly Opened[]): string[] {
  const calls = opened.filter(({ what }) => ["call", "transcript", "receipt", "insights"].includes(what));
  return [...new Set(calls.map(({ id }) => id).filter((id) => id !== null))];
}
