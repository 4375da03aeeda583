import type { Segment } from "../api/types";
import { type Doubt, doubtRuns } from "./doubt";
import type { Whole } from "./gaps";
import classes from "./Transcript.module.css";

const WHY: Record<Doubt, string> = {
  unsure: "The recogniser was not sure of this",
  cut: "A gap is beside this: words may be wrong or incomplete",
};

/** A segment's text; words that may be wrong have dots below. */
export function Words({ segment, ...whole }: { segment: Segment } & Whole) {
  return doubtRuns(segment, whole).map(({ text, doubt, at }) =>
    doubt ? (
      <span key={at} className={classes[doubt]} title={WHY[doubt]}>
        {text}
      </span>
    ) : (
      text
    ),
  );
}
