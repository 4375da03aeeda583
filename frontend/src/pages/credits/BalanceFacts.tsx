import type { Balance } from "../../api/types";
import { Note } from "../../components/Note";
import { creditNumber, credits, isLow } from "../../format/credits";
import { longTime, when } from "../../format/time";
import classes from "./CreditsPage.module.css";

/** What there is now. */
export function BalanceFacts({ balance }: { balance: Balance }) {
  const { rate, alert } = balance;
  return (
    <section className={classes.balance} aria-label="Balance">
      <div className={classes.number}>
        {creditNumber(balance.available_mcredits)} <small>credits</small>
      </div>
      <p className="num quiet">
        {balance.available_mcredits > 0
          ? `Enough for ${longTime(balance.minutes_left * 60)} of calls`
          : "Calling is off until there are credits"}{" "}
        at {credits(rate.mcredits_per_minute)} a minute. An answer from your calls costs{" "}
        {credits(rate.ai_query_mcredits)}.
      </p>
      {balance.held_mcredits > 0 && (
        <p className="num quiet">{credits(balance.held_mcredits)} set aside for a call that is going on.</p>
      )}
      {balance.debt_mcredits > 0 && (
        <Note tone="warn" title={`Debt: ${credits(balance.debt_mcredits)}`}>
          These credits were spent and then taken back with their payment. The next purchase covers them
          first.
        </Note>
      )}
      {isLow(balance) && alert && (
        <Note tone="warn" role="status" title="Your credits are low">
          The balance is below your alert of {credits(alert.threshold_mcredits)}
          {alert.raised_at && ` since ${when(alert.raised_at, new Date())}`}.
        </Note>
      )}
    </section>
  );
}
