import { useId } from "react";
import type { DialCheck, Way } from "../api/types";
import classes from "./Softphone.module.css";
import { update, useSoftphone } from "./state";

const WAYS: readonly { way: Way; label: string }[] = [
  { way: "phone", label: "By phone" },
  { way: "browser", label: "In the browser" },
];

/** In which way the next call goes: as chosen in this page, or else as the rep called last. */
export function useWay(check: DialCheck | undefined): Way {
  const { way } = useSoftphone();
  if (check === undefined || check.ways.length === 1) return check?.way ?? "phone";
  return way ?? check.way;
}

/** By phone or in the browser; where this server has one way only, why. */
export function WayChoice({ check }: { check: DialCheck }) {
  const name = useId();
  const chosen = useWay(check);
  return (
    <div className="stack">
      <fieldset className={classes.ways}>
        <legend className="visually-hidden">Where you talk</legend>
        {WAYS.map(({ way, label }) => (
          <label key={way} className={classes.way}>
            <input
              type="radio"
              name={name}
              value={way}
              checked={chosen === way}
              disabled={!check.ways.includes(way)}
              onChange={() => update({ way })}
            />
            {label}
          </label>
        ))}
      </fieldset>
      {!check.ways.includes("browser") && (
        <p className="quiet">
          Calls in the browser are not set up on this server. Whoever runs it can do so; your phone works
          meanwhile.
        </p>
      )}
    </div>
  );
}
