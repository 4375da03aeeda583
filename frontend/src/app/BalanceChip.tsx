import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { balanceQuery } from "../api/creditQueries";
import { currentCallQuery } from "../api/queries";
import { useCallClock } from "../calls/useCallClock";
import { credits, isLow } from "../format/credits";
import { clock } from "../format/time";
import classes from "./TopBar.module.css";

const AMBER_S = 60;
const RED_S = 15;

function alarm(secondsLeft: number): string {
  if (secondsLeft <= RED_S) return classes.red ?? "";
  return secondsLeft <= AMBER_S ? (classes.amber ?? "") : "";
}

/** The credits; in a call the time that they last. */
export function BalanceChip({ userId }: { userId: string }) {
  const { data: balance } = useQuery(balanceQuery);
  const { data: call } = useQuery(currentCallQuery(userId));
  const { secondsLeft } = useCallClock(call);
  if (secondsLeft !== null) {
    return (
      <Link
        to="/credits"
        className={`${classes.chip} ${alarm(secondsLeft)}`}
        aria-label="Time left in this call"
      >
        {clock(secondsLeft)} left
      </Link>
    );
  }
  if (!balance) return null;
  const low = isLow(balance);
  const amount = credits(balance.available_mcredits);
  return (
    <Link
      to="/credits"
      className={`${classes.chip} ${low || balance.available_mcredits <= 0 ? classes.amber : ""}`}
      aria-label={low ? `Balance is low: ${amount}` : `Balance: ${amount}`}
    >
      {low ? `Low: ${amount}` : amount}
    </Link>
  );
}
