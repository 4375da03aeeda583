import { Button } from "@mantine/core";
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../../api/client";
import { ordersQuery } from "../../../api/deskQueries";
import { keys } from "../../../api/keys";
import type { AuthorityOrder } from "../../../api/types";
import { Dialog } from "../../../components/Dialog";
import { Empty } from "../../../components/Empty";
import { More } from "../../../components/More";
import { Note, ProblemNote } from "../../../components/Note";
import { Page, Panel } from "../../../components/Page";
import { saveFile } from "../../../components/saveFile";
import { Tag, type Tone } from "../../../components/Tag";
import { Waiting } from "../../../components/Waiting";
import { atDateTime, onDate } from "../../../format/time";
import classes from "../desk/Desk.module.css";
import { OrderForm } from "./OrderForm";

const STATES: Record<AuthorityOrder["state"], [string, Tone]> = {
  waiting: ["Waits for a second person", "accent"],
  approved: ["Approved, not given out", "warn"],
  released: ["Given out", "good"],
  withdrawn: ["Withdrawn", "plain"],
};

/** What authorities demand by an order: prepared by one of us, approved by another, given out once. */
export function OrdersPage() {
  const orders = useInfiniteQuery(ordersQuery);
  const [adding, setAdding] = useState(false);
  const items = orders.data?.pages.flatMap((page) => page.items);
  return (
    <Page
      title="Orders of authorities"
      actions={
        <Button variant="default" onClick={() => setAdding(true)}>
          Prepare a disclosure
        </Button>
      }
    >
      <ProblemNote error={orders.error} />
      {orders.isPending && <Waiting lines={6} what="the orders" />}
      {items?.length === 0 && (
        <Empty title="No authority has demanded anything">
          Without an order in writing nothing is given out. With one, prepare the disclosure here; somebody
          else approves it.
        </Empty>
      )}
      {items?.map((order) => (
        <OrderPanel key={order.reference} order={order} />
      ))}
      <More pages={orders} />
      {adding && (
        <Dialog title="What the order demands" onClose={() => setAdding(false)}>
          <OrderForm onDone={() => setAdding(false)} />
        </Dialog>
      )}
    </Page>
  );
}

function OrderPanel({ order }: { order: AuthorityOrder }) {
  const client = useQueryClient();
  const [word, tone] = STATES[order.state];
  const params = { path: { reference: order.reference } };
  const again = () => client.invalidateQueries({ queryKey: keys.staff.orders });
  const approve = useMutation({
    mutationFn: () =>
      answer(api.POST("/api/staff/orders/{reference}/approve", { params, body: { seen: order.seen } })),
    onSuccess: again,
  });
  const withdraw = useMutation({
    mutationFn: () => answer(api.POST("/api/staff/orders/{reference}/withdraw", { params })),
    onSuccess: again,
  });
  const release = useMutation({
    mutationFn: () => answer(api.POST("/api/staff/orders/{reference}/release", { params, parseAs: "text" })),
    onSuccess: async (text) => {
      // As it was given out, so that its SHA-256 is the one that is kept.
      saveFile(`${order.reference}.json`, text, "application/json");
      await again();
    },
  });
  return (
    <Panel title={order.reference} aside={<Tag tone={tone}>{word}</Tag>}>
      <dl className={classes.facts}>
        {order.whose && (
          <div>
            <dt>Whose data</dt>
            <dd>{order.whose}</dd>
          </div>
        )}
        <div>
          <dt>Authority and order</dt>
          <dd>
            {order.authority}, {order.order_id}
          </dd>
        </div>
        <div>
          <dt>Legal basis</dt>
          <dd>{order.legal_basis}</dd>
        </div>
        <div>
          <dt>Kinds of data, no others</dt>
          <dd>
            {order.kinds
              .map((kind) => {
                const found = order.found.find((each) => each.element === kind.key);
                return `${kind.title} (${found?.count ?? 0})`;
              })
              .join(", ")}
          </dd>
        </div>
        <div>
          <dt>Who</dt>
          <dd>{people(order)}</dd>
        </div>
        {order.secret_until && (
          <div>
            <dt>The person</dt>
            <dd>is not told before the end of {onDate(order.secret_until)}</dd>
          </div>
        )}
        {order.bundle_hash && (
          <div>
            <dt>SHA-256 of what was given; no copy is kept</dt>
            <dd>
              <code>{order.bundle_hash}</code>
            </dd>
          </div>
        )}
      </dl>
      {order.state === "waiting" && order.by_me && (
        <Note role="status">You prepared it, so it is not yours to approve. Ask a colleague.</Note>
      )}
      <ProblemNote error={approve.error ?? withdraw.error ?? release.error} />
      {order.may.length > 0 && (
        <div className={classes.steps}>
          {order.may.includes("approve") && (
            <Button onClick={() => approve.mutate()} loading={approve.isPending}>
              Approve {order.reference}
            </Button>
          )}
          {order.may.includes("release") && (
            <Button onClick={() => release.mutate()} loading={release.isPending}>
              Take the file, once
            </Button>
          )}
          {order.may.includes("withdraw") && (
            <Button variant="default" onClick={() => withdraw.mutate()} loading={withdraw.isPending}>
              Withdraw
            </Button>
          )}
        </div>
      )}
    </Panel>
  );
}

function people(order: AuthorityOrder): string {
  const done = [`Prepared by ${order.prepared_by} on ${atDateTime(order.prepared_at)}`];
  if (order.decided_at) {
    const did = order.state === "withdrawn" ? "withdrawn" : "approved";
    done.push(`${did} by ${order.decided_by} on ${atDateTime(order.decided_at)}`);
  }
  if (order.released_at) done.push(`given out by ${order.released_by} on ${atDateTime(order.released_at)}`);
  return `${done.join("; ")}.`;
}
