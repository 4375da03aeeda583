import type { ReactNode } from "react";
import classes from "./Tag.module.css";

export type Tone = "plain" | "good" | "warn" | "bad" | "accent";

/** A state in one or two words; the words carry it, the colour helps. */
export function Tag({ tone = "plain", children }: { tone?: Tone; children: ReactNode }) {
  return <span className={`${classes.tag} ${tone === "plain" ? "" : classes[tone]}`}>{children}</span>;
}
