import type { ReactNode } from "react";
import classes from "./Tag.module.css";

/** Longer words may be cut; they are read whole where they are pointed at. */
const CUT_FROM = 28;

export type Tone = "plain" | "good" | "warn" | "bad" | "accent";

/** A state in one or two words; the words carry it, the colour helps. */
export function Tag({ tone = "plain", children }: { tone?: Tone; children: ReactNode }) {
  return (
    <span
      className={`${classes.tag} ${tone === "plain" ? "" : classes[tone]}`}
      title={typeof children === "string" && children.length > CUT_FROM ? children : undefined}
    >
      {children}
    </span>
  );
}
