import type { Scope } from "../../api/types";

export const SCOPE_WORDS: Record<Scope, string> = {
  "leads:read": "Read leads",
  "leads:write": "Add, change and suppress leads, and remove them with their calls",
  "calls:read": "Read calls, their text and insights",
  "credits:read": "Read credits and the statement, with the names of who was called",
  "questions:ask": "Ask questions, which costs credits, and read those asked before",
};
