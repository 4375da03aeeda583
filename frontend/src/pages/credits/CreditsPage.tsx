import { Button } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useIntent } from "../../api/intent";
import { balanceQuery, packsQuery, statementQuery } from "../../api/queries";
import type { Balance, Entry, Pack } from "../../api/types";
import { useSignedIn } from "../../app/useSession";
import { Empty } from "../../components/Empty";
import list from "../../components/List.module.css";
import { More } from "../../components/More";
import { Note, ProblemNote } from "../../components/Note";
import { Page } from "../../components/Page";
import { Waiting } from "../../components/Waiting";
import { creditNumber, credits, money, signedCredits } from "../../format/credits";
import { longTime, when } from "../../format/time";
import classes from "./CreditsPage.module.css";

const KIND_WORDS: Record<Entry["kind"], string> = {
  purchase: "Purchase",
  hold: "Set aside for a call",
  release: "Set free after a call",
  charge: "Call minutes",
  settlement: "Call settled",
  ai_query: "Answer",
  refund: "Refund",
  chargeback: "Chargeback",
  chargeback_reverse: "Chargeback reversed",
};

export function CreditsPage() {
  const balance = useQuery(balanceQuery);
  const packs = useQuery(packsQuery);
  const { permissions } = useSignedIn();
  return (
    <Page title="Credits">
      <ProblemNote error={balance.error} />
      {balance.data ? <BalanceFacts balance={balance.data} /> : <Waiting lines={3} what="your balance" />}
      <section className="stack" aria-labelledby="packs">
        <h2 id="packs">Buy credits</h2>
        <ProblemNote error={packs.error} />
        {!permissions.buy_credits && <Note>The owner or a manager of your workspace buys the credits.</Note>}
        {packs.data?.length === 0 && (
          <Empty title="No packs are on sale">The operator has set none up.</Empty>
        )}
        {permissions.buy_credits && packs.data && packs.data.length > 0 && (
          <>
            <ul className={classes.packs}>
              {packs.data.map((pack) => (
                <PackCard key={pack.price_id} pack={pack} balance={balance.data} />
              ))}
            </ul>
            <p className="quiet">
              Paddle takes the payment, as the seller. Your card goes to Paddle only; we never see it. Tax may
              be added.
            </p>
          </>
        )}
      </section>
      {permissions.see_team ? (
        <Statement />
      ) : (
        <p className="quiet">What each of your calls cost stands on the call's receipt.</p>
      )}
    </Page>
  );
}

function BalanceFacts({ balance }: { balance: Balance }) {
  const { rate } = balance;
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
        <Note tone="warn">
          {credits(balance.debt_mcredits)} were spent and then taken back with their payment. The next
          purchase covers them first.
        </Note>
      )}
    </section>
  );
}

/** Goes to the checkout by loading it as a document of its own, which alone may run Paddle's script. */
function PackCard({ pack, balance }: { pack: Pack; balance: Balance | undefined }) {
  const intent = useIntent();
  const perMinute = balance?.rate.mcredits_per_minute ?? 0;
  return (
    <li>
      <h3>{pack.name}</h3>
      <div className={classes.credits}>{credits(pack.mcredits)}</div>
      <div className="num">{money(pack.amount_minor, pack.currency)}</div>
      {perMinute > 0 && (
        <div className="num quiet">{longTime(Math.floor(pack.mcredits / perMinute) * 60)} of calls</div>
      )}
      <Button
        onClick={() => {
          const search = new URLSearchParams({ pack: pack.price_id, intent: intent.key() });
          window.location.assign(`/credits/checkout?${search}`);
        }}
      >
        Buy<span className="visually-hidden"> {pack.name}</span>
      </Button>
    </li>
  );
}

function Statement() {
  const statement = useInfiniteQuery(statementQuery);
  const entries = statement.data?.pages.flatMap((page) => page.items);
  const now = new Date();
  return (
    <section className="stack" aria-labelledby="statement">
      <div className="row">
        <h2 id="statement">Statement</h2>
        {entries && entries.length > 0 && (
          <a href="/api/credits/statement.csv" download>
            Download as CSV
          </a>
        )}
      </div>
      <ProblemNote error={statement.error} />
      {statement.isPending && <Waiting lines={4} what="the statement" />}
      {entries?.length === 0 && (
        <Empty title="Nothing has been booked yet">
          Every purchase, every call minute and every answer will stand here with its arithmetic.
        </Empty>
      )}
      {entries && entries.length > 0 && (
        <table className={list.table}>
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">What</th>
              <th scope="col" className={list.right}>
                Credits
              </th>
              <th scope="col" className={`${list.right} ${list.minor}`}>
                After
              </th>
            </tr>
          </thead>
          <tbody>
            {entries.map((entry) => (
              <tr key={entry.id}>
                <td className="num">{when(entry.occurred_at, now)}</td>
                <td>
                  {KIND_WORDS[entry.kind]}
                  <div className={list.under}>
                    {entry.description} <Cause reference={entry.reference} />
                  </div>
                </td>
                <td className={list.right}>{signedCredits(entry.amount_mcredits)}</td>
                <td className={`${list.right} ${list.minor}`}>
                  {creditNumber(entry.balance_after_mcredits)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <More pages={statement} />
    </section>
  );
}

function Cause({ reference }: { reference: string }) {
  const callId = /^call:(.+)$/.exec(reference)?.[1];
  if (callId === undefined) return null;
  return (
    <Link to="/calls/$callId" params={{ callId }}>
      The call
    </Link>
  );
}
