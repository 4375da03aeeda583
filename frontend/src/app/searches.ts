/** What addresses may carry after the ?, as far as it can be used. */
import type { EntryKind, Provider } from "../api/types";
import { isDay } from "../format/time";

export const text = (value: unknown): string | undefined =>
  typeof value === "string" && value ? value : undefined;
export const whole = (value: unknown): number | undefined =>
  Number.isInteger(value) ? (value as number) : undefined;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
export const id = (value: unknown): string | undefined =>
  typeof value === "string" && UUID.test(value) ? value : undefined;

export interface CreditsSearch {
  kind?: EntryKind;
  /** Days as YYYY-MM-DD, both included. */
  from?: string;
  to?: string;
  member?: string;
  call?: string;
  /** The entry that is being explained. */
  explain?: string;
}
const day = (value: unknown): string | undefined =>
  typeof value === "string" && isDay(value) && !Number.isNaN(Date.parse(value)) ? value : undefined;
export function creditsSearch(search: Record<string, unknown>): CreditsSearch {
  return {
    kind: text(search.kind) as EntryKind | undefined,
    from: day(search.from),
    to: day(search.to),
    member: id(search.member),
    call: id(search.call),
    explain: id(search.explain),
  };
}

/** What the server tells a page to which a provider's answer has led. refused: the code of why not. */
export interface Returned {
  refused?: string;
  by?: Provider;
}
export const returned = (search: Record<string, unknown>): Returned => ({
  refused: text(search.refused),
  by: search.by === "google" || search.by === "facebook" ? search.by : undefined,
});
