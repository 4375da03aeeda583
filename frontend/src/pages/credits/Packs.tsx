import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { packsQuery } from "../../api/creditQueries";
import { useIntent } from "../../api/intent";
import type { Balance, Pack } from "../../api/types";
import { Changes } from "../../app/Changes";
import { useSignedIn } from "../../app/useSession";
import { Empty } from "../../components/Empty";
import { Note, ProblemNote } from "../../components/Note";
import { credits, money } from "../../format/credits";
import { longTime } from "../../format/time";
import classes from "./CreditsPage.module.css";

export function Packs({ balance }: { balance: Balance | undefined }) {
  const packs = useQuery(packsQuery);
  const { permissions } = useSignedIn();
  return (
    <section className="stack" aria-labelledby="packs">
      <h2 id="packs">Buy credits</h2>
      <ProblemNote error={packs.error} />
      {!permissions.buy_credits && <Note>The owner or a manager of your workspace buys the credits.</Note>}
      {packs.data?.length === 0 && <Empty title="No packs are on sale">The operator has set none up.</Empty>}
      {permissions.buy_credits && packs.data && packs.data.length > 0 && (
        <>
          <ul className={classes.packs}>
            {packs.data.map((pack) => (
              <PackCard key={pack.price_id} pack={pack} balance={balance} />
            ))}
          </ul>
          <p className="quiet">
            Paddle takes the payment, as the seller. Your card goes to Paddle only; we never see it. Tax may
            be added.
          </p>
        </>
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
      <Changes>
        <Button
          onClick={() => {
            const search = new URLSearchParams({ pack: pack.price_id, intent: intent.key() });
            window.location.assign(`/credits/checkout?${search}`);
          }}
        >
          Buy<span className="visually-hidden"> {pack.name}</span>
        </Button>
      </Changes>
    </li>
  );
}
