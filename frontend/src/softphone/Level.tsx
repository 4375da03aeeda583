import type { Ref } from "react";
import classes from "./Softphone.module.css";

interface LevelProps {
  side: "you" | "lead";
  bar: Ref<HTMLDivElement>;
}

/** How loud one side is. Whoever has the bar moves it, since drawing the page twenty times a second would be too much. */
export function Level({ side, bar }: LevelProps) {
  return (
    <div className={classes.level} aria-hidden>
      <div ref={bar} className={classes[side]} />
    </div>
  );
}

/** loudness: 0 to 1. */
export function move(bar: HTMLDivElement | null, loudness: number): void {
  if (bar !== null) bar.style.transform = `scaleX(${Math.min(1, Math.max(0, loudness))})`;
}
