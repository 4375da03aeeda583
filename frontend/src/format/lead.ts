import type { Lead } from "../api/types";

export function leadName(lead: Pick<Lead, "first_name" | "last_name" | "erased_at">): string {
  if (lead.erased_at !== null) return "Removed at the person's request";
  return `${lead.first_name} ${lead.last_name}`.trim();
}
