import type { BurnDay, BurnDown } from "../../api/types";
import { credits } from "../../format/credits";
import { localDay, onShortDay } from "../../format/time";

export const RANGES = [7, 30, 90] as const;
export type Range = (typeof RANGES)[number];

/** "31 Mar: 91.25 credits at its end, 0.25 credits spent, 100 credits bought". */
export function dayWords(day: BurnDay): string {
  const parts = [`${credits(day.balance_mcredits)} at its end`];
  if (day.spent_mcredits > 0) parts.push(`${credits(day.spent_mcredits)} spent`);
  if (day.bought_mcredits > 0) parts.push(`${credits(day.bought_mcredits)} bought`);
  if (day.bought_mcredits < 0) parts.push(`${credits(-day.bought_mcredits)} taken back`);
  return `${onShortDay(localDay(day.day))}: ${parts.join(", ")}`;
}

/** What the line says, in a sentence. */
export function paceWords(burn: BurnDown): string {
  if (burn.spent_a_day_mcredits === 0) return "Nothing was spent in this time.";
  const pace = `${credits(burn.spent_a_day_mcredits)} a day on average`;
  if (burn.days_left === null) return `${pace}.`;
  if (burn.days_left === 0) return `${pace}: the balance lasts less than a day at this pace.`;
  const days = `${burn.days_left.toLocaleString("en")} ${burn.days_left === 1 ? "day" : "days"}`;
  return `${pace}: the balance lasts ${days} at this pace.`;
}
