import { useLine } from "../live/Live";
import type { LineState } from "../live/socket";
import classes from "./TopBar.module.css";

const WORDS: Record<LineState, string> = {
  connecting: "Connecting",
  open: "Live",
  waiting: "Reconnecting",
  signed_out: "Signed out",
};

/** Whether what is shown is live; the words stand beside the dot when it is not, and on hover when it is. */
export function ConnectionDot() {
  const { state } = useLine();
  return (
    <span className={`${classes.line} ${state === "open" ? classes.open : classes.waiting}`} role="status">
      <span className={classes.dot} aria-hidden="true" />
      <span className={classes.words}>{WORDS[state]}</span>
    </span>
  );
}
