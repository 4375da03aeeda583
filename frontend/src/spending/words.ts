import type { EntryKind, Posting } from "../api/types";

export const KIND_WORDS: Record<EntryKind, string> = {
  purchase: "Purchase",
  hold: "Set aside for a call",
  release: "Set free after a call",
  charge: "Call time",
  settlement: "Call settled",
  ai_query: "Answer",
  refund: "Refund",
  chargeback: "Chargeback",
  chargeback_reverse: "Chargeback reversed",
};

export const ACCOUNT_WORDS: Record<Posting["account"], string> = {
  available: "Your available credits",
  held: "Set aside for calls",
  debt: "Your debt",
  paddle_clearing: "Paddle",
  promotions: "Promotions",
  sales: "Our sales",
};
