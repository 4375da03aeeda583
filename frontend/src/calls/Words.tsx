import type { Segment } from "../api/types";
import { doubtRuns } from "./doubt";
import classes from "./Transcript.module.css";

/** A segment's text; words of which the recogniser was not sure have dots below. */
export function Words({ segment }: { segment: Segment }) {
  return doubtRuns(segment).map(({ text, doubtful, at }) =>
    doubtful ? (
      <span key={at} className={classes.doubtful} title="The recogniser was not sure of this">
        {text}
      </span>
    ) : (
      text
    ),
  );
}
