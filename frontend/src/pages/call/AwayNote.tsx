import { asProblem } from "../../api/problem";
import type { Call } from "../../api/types";
import { isLive } from "../../calls/status";
import { Note } from "../../components/Note";
import classes from "./CallPage.module.css";

const GOES_ON = {
  phone: "Your call goes on: it is between your phone and the lead's. Hang up on your phone to end it.",
  browser:
    "As long as you hear the lead, your call goes on: its sound goes to the carrier, not to our server. Hang up ends it.",
};

/** Whether any of these failed because the server did not answer. */
export function isAway(...errors: readonly unknown[]): boolean {
  return errors.some((error) => asProblem(error)?.code === "unreachable");
}

/** Said once for the whole page, in the place of once for each thing that was asked for. */
export function AwayNote({ call }: { call: Pick<Call, "status" | "way"> | undefined }) {
  return (
    <div className={classes.banner}>
      <Note tone="bad" role="alert" title="No connection">
        {call && isLive(call.status)
          ? `${GOES_ON[call.way]} Text, time and credits are shown again once the server answers.`
          : "The server does not answer. This page tries again by itself."}
      </Note>
    </div>
  );
}
