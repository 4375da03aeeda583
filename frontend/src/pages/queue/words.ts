import type { Queue } from "../../api/types";
import { FILTER_WORDS } from "../../calls/status";

const people = (count: number): string => (count === 1 ? "1 lead" : `${count.toLocaleString("en")} leads`);

/** What somebody goes through, in words. */
export function filterWords({ tag, disposition }: Pick<Queue, "tag" | "disposition">): string {
  const which = disposition === null ? "Retries and never called" : FILTER_WORDS[disposition];
  return tag ? `${which}, with the tag ${tag}` : which;
}

/** Why leads are passed over, a sentence for each reason that there is. inCall: one's own call goes on, whose lead is among those that
 * are taken. */
export function passedOverWords(passed: Queue["passed_over"], inCall: boolean): string[] {
  const found: [number, string][] = [
    [passed.outside_hours, "outside calling hours where they are"],
    [passed.suppressed, "asked not to be called"],
    [passed.restricted, "without a number that is called"],
    [passed.reserved, inCall ? "in your call or with a colleague now" : "with a colleague now"],
  ];
  return found.filter(([count]) => count > 0).map(([count, why]) => `${people(count)} ${why}`);
}
