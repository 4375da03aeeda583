import classes from "./Desk.module.css";

const RADIUS = 8;
const AROUND = 2 * Math.PI * RADIUS;
const DAY_MS = 86_400_000;

/** A ring that fills from the day on which a wish came to the last day for its answer. The words beside it say the same. */
export function DueRing({
  openedAt,
  dueOn,
  daysLeft,
}: {
  openedAt: string;
  dueOn: string;
  daysLeft: number;
}) {
  const term = Math.max(1, Math.round((Date.parse(dueOn) - Date.parse(openedAt.slice(0, 10))) / DAY_MS));
  const gone = Math.min(1, Math.max(0, 1 - daysLeft / term));
  const tone = daysLeft < 0 ? classes.late : daysLeft <= 5 ? classes.near : "";
  return (
    <svg className={`${classes.ring} ${tone}`} viewBox="0 0 20 20" width={20} height={20} aria-hidden="true">
      <circle cx={10} cy={10} r={RADIUS} className={classes.track} />
      <circle
        cx={10}
        cy={10}
        r={RADIUS}
        className={classes.gone}
        strokeDasharray={`${gone * AROUND} ${AROUND}`}
        transform="rotate(-90 10 10)"
      />
    </svg>
  );
}
