import { Button } from "@mantine/core";
import { useInfiniteQuery, useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { answer, api } from "../../api/client";
import { purchasesQuery } from "../../api/creditQueries";
import type { Purchase, PurchaseChange } from "../../api/types";
import list from "../../components/List.module.css";
import { More } from "../../components/More";
import { ProblemNote } from "../../components/Note";
import { Tag } from "../../components/Tag";
import { Waiting } from "../../components/Waiting";
import { creditNumber, credits, money } from "../../format/credits";
import { when } from "../../format/time";
import classes from "./CreditsPage.module.css";

const CHANGES: Record<PurchaseChange["kind"], string> = {
  refund: "Refunded",
  chargeback: "Charged back",
  chargeback_reverse: "Chargeback reversed",
};

/** What a refund or chargeback did, in words: where the credits came from or went. */
function changeWords({ kind, available_mcredits, debt_mcredits }: PurchaseChange): string {
  const parts: string[] = [];
  if (available_mcredits < 0) parts.push(`${credits(-available_mcredits)} taken back`);
  if (available_mcredits > 0) parts.push(`${credits(available_mcredits)} given back`);
  if (debt_mcredits > 0) parts.push(`${credits(debt_mcredits)} were spent already and became a debt`);
  if (debt_mcredits < 0) parts.push(`${credits(-debt_mcredits)} of the debt cleared`);
  return `${CHANGES[kind]}: ${parts.join(", ")}`;
}

export function Purchases() {
  const purchases = useInfiniteQuery(purchasesQuery);
  const items = purchases.data?.pages.flatMap((page) => page.items);
  const now = new Date();
  const invoice = useMutation({
    mutationFn: (id: string) =>
      answer(
        api.GET("/api/credits/purchases/{checkout_id}/invoice", { params: { path: { checkout_id: id } } }),
      ),
    // Paddle serves the PDF as a download, so this page stays.
    onSuccess: ({ url }) => window.location.assign(url),
  });
  if (items?.length === 0) return null;
  return (
    <section className="stack" aria-labelledby="purchases">
      <h2 id="purchases">Purchases</h2>
      <ProblemNote error={purchases.error ?? invoice.error} />
      {purchases.isPending && <Waiting lines={3} what="the purchases" />}
      {items && items.length > 0 && (
        <table className={list.table}>
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">Pack</th>
              <th scope="col" className={list.right}>
                Credits
              </th>
              <th scope="col" className={`${list.right} ${list.minor}`}>
                Paid
              </th>
              <th scope="col">
                <span className="visually-hidden">Invoice</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {items.map((purchase) => (
              <tr key={purchase.checkout_id}>
                <td className="num">{when(purchase.granted_at ?? purchase.created_at, now)}</td>
                <td>
                  {purchase.pack_name} <State purchase={purchase} />
                  {purchase.automatic && (
                    <div className={list.under}>
                      automatic top-up{purchase.by && `, agreed to by ${purchase.by}`}
                    </div>
                  )}
                  {purchase.by && !purchase.automatic && (
                    <div className={`${list.under} ${list.typed}`}>by {purchase.by}</div>
                  )}
                  {purchase.changes.map((change) => (
                    <div key={change.entry_id} className={`num ${list.under}`}>
                      {changeWords(change)}, {when(change.at, now)}.{" "}
                      <Link
                        from="/credits"
                        to="/credits"
                        search={(held) => ({ ...held, explain: change.entry_id })}
                        resetScroll={false}
                      >
                        Explain
                      </Link>
                    </div>
                  ))}
                </td>
                <td className={list.right}>{creditNumber(purchase.mcredits)}</td>
                <td className={`${list.right} ${list.minor}`}>
                  {money(purchase.paid_minor ?? purchase.amount_minor, purchase.currency)}
                </td>
                <td className={`${list.right} ${classes.invoice}`}>
                  {purchase.granted_at !== null && (
                    <Button
                      variant="default"
                      size="compact-sm"
                      loading={invoice.isPending && invoice.variables === purchase.checkout_id}
                      onClick={() => invoice.mutate(purchase.checkout_id)}
                    >
                      Invoice
                      <span className="visually-hidden">
                        {" "}
                        of {purchase.pack_name}, {when(purchase.granted_at, now)}
                      </span>
                    </Button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <More pages={purchases} />
    </section>
  );
}

function State({ purchase }: { purchase: Purchase }) {
  if (purchase.held) return <Tag tone="warn">We are looking into it</Tag>;
  if (purchase.state === "failed") return <Tag>Failed</Tag>;
  if (purchase.state === "paid") return <Tag tone="warn">Credits on their way</Tag>;
  if (purchase.taken_back_mcredits === 0) return null;
  return (
    <Tag tone="bad">
      {purchase.taken_back_mcredits < purchase.mcredits ? "Partly taken back" : "Taken back"}
    </Tag>
  );
}
