import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { receiptQuery } from "../api/queries";
import { ProblemNote } from "../components/Note";
import { Tag } from "../components/Tag";
import { Waiting } from "../components/Waiting";
import { credits, signedCredits } from "../format/credits";
import { atSecond } from "../format/time";
import { ExplainDrawer } from "../spending/ExplainDrawer";
import classes from "./Receipt.module.css";

/** What a call cost, from the first ring to the ledger's entries. */
export function ReceiptView({ callId }: { callId: string }) {
  const receipt = useQuery(receiptQuery(callId));
  const [explained, setExplained] = useState<string>();
  if (receipt.error) return <ProblemNote error={receipt.error} />;
  if (!receipt.data) return <Waiting lines={5} what="the receipt" />;
  const { rows, total_mcredits, arithmetic, settled } = receipt.data;
  return (
    <>
      <ol className={classes.rows}>
        {rows.map((row, position) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: two rows may be alike; they are only ever appended.
          <li key={position}>
            <time className={classes.time} dateTime={row.at}>
              {atSecond(row.at)}
            </time>
            <div className={classes.what}>
              {row.label}
              {row.detail && <div className={classes.detail}>{row.detail}</div>}
            </div>
            {Boolean(row.amount_mcredits) && (
              <span className={classes.amount}>{signedCredits(row.amount_mcredits ?? 0)}</span>
            )}
            {row.entry_id && (
              <button
                type="button"
                className={classes.explain}
                onClick={() => setExplained(row.entry_id ?? undefined)}
              >
                Explain<span className="visually-hidden"> {row.label}</span>
              </button>
            )}
          </li>
        ))}
      </ol>
      <div className={classes.total}>
        <span>Total {!settled && <Tag tone="warn">Being settled</Tag>}</span>
        <span className="num">{credits(total_mcredits)}</span>
      </div>
      <p className={classes.arithmetic}>{arithmetic}</p>
      <ExplainDrawer entryId={explained} onClose={() => setExplained(undefined)} />
    </>
  );
}
