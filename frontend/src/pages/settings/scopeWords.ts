import type { Scope } from "../../api/types";

export const SCOPE_WORDS: Record<Scope, string> = {
  "leads:read": "Read leads",
  "leads:write": "Add, change and remove leads",
  "calls:read": "Read calls, their text and insights",
  "credits:read": "Read credits and the statement",
  "questions:ask": "Ask questions, which costs credits",
};
