import { Button, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../../api/client";
import { holdsQuery } from "../../../api/deskQueries";
import { keys } from "../../../api/keys";
import type { LegalHold } from "../../../api/types";
import { Dialog } from "../../../components/Dialog";
import { Empty } from "../../../components/Empty";
import { Note, ProblemNote } from "../../../components/Note";
import { Page, Panel } from "../../../components/Page";
import { Tag } from "../../../components/Tag";
import { Waiting } from "../../../components/Waiting";
import { atDateTime, onDate } from "../../../format/time";
import classes from "../desk/Desk.module.css";
import { HoldForm } from "./HoldForm";

/** What an order or the law demands to be kept although it would end, with the day of the next review. */
export function HoldsPage() {
  const holds = useQuery(holdsQuery);
  const [adding, setAdding] = useState(false);
  return (
    <Page
      title="Legal holds"
      actions={
        <Button variant="default" onClick={() => setAdding(true)}>
          Place a hold
        </Button>
      }
    >
      <ProblemNote error={holds.error} />
      {holds.isPending && <Waiting lines={6} what="the holds" />}
      {holds.data?.items.length === 0 && (
        <Empty title="Nothing is held">
          Where an order or the law demands that something is kept, place a hold: of what is erased, and of
          text whose term is over, a sealed copy stays until the hold is lifted.
        </Empty>
      )}
      {holds.data?.items.map((hold) => (
        <HoldPanel key={hold.reference} hold={hold} />
      ))}
      {adding && (
        <Dialog title="Place a hold" onClose={() => setAdding(false)}>
          <HoldForm onDone={() => setAdding(false)} />
        </Dialog>
      )}
    </Page>
  );
}

function covers(hold: LegalHold): string {
  const counted = [
    [hold.accounts, "account", "accounts"],
    [hold.leads, "lead with its calls", "leads with their calls"],
    [hold.calls, "call", "calls"],
  ] as const;
  const rows = counted
    .filter(([count]) => count > 0)
    .map(([count, one, many]) => `${count} ${count === 1 ? one : many}`);
  const erased = hold.sealed > 0 ? `; of ${hold.sealed} erased since a sealed copy is kept` : "";
  return `${rows.join(", ")}${erased}`;
}

function HoldPanel({ hold }: { hold: LegalHold }) {
  const [act, setAct] = useState<"review" | "lift" | null>(null);
  const client = useQueryClient();
  const approve = useMutation({
    mutationFn: () =>
      answer(
        api.POST("/api/staff/holds/{reference}/approve", { params: { path: { reference: hold.reference } } }),
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.staff.holds }),
  });
  return (
    <Panel
      title={hold.reference}
      aside={
        hold.lifted_at ? (
          <Tag>Lifted</Tag>
        ) : hold.review_due ? (
          <Tag tone="bad">Review is due</Tag>
        ) : (
          <Tag tone="accent">In force</Tag>
        )
      }
    >
      <dl className={classes.facts}>
        <div>
          <dt>Ground</dt>
          <dd>
            {hold.basis}
            {hold.order_id && `, ${hold.order_id}`}
          </dd>
        </div>
        <div>
          <dt>Why</dt>
          <dd className={classes.words}>{hold.reason}</dd>
        </div>
        <div>
          <dt>Covers</dt>
          <dd>{covers(hold)}</dd>
        </div>
        <div>
          <dt>Placed</dt>
          <dd>
            by {hold.placed_by} on {atDateTime(hold.placed_at)}
            {hold.approved_at && `; approved by ${hold.approved_by} on ${atDateTime(hold.approved_at)}`}
          </dd>
        </div>
        {hold.lifted_at ? (
          <div>
            <dt>
              Lifted by {hold.lifted_by} on {atDateTime(hold.lifted_at)}
            </dt>
            <dd className={classes.words}>{hold.lift_reason}</dd>
          </div>
        ) : (
          <div>
            <dt>Next review</dt>
            <dd>
              {onDate(hold.review_on)}
              {`; ends by itself after ${onDate(hold.ends_on)}`}
            </dd>
          </div>
        )}
        {hold.secret_until && (
          <div>
            <dt>The person</dt>
            <dd>is not told before the end of {onDate(hold.secret_until)}</dd>
          </div>
        )}
      </dl>
      {!hold.lifted_at && !hold.approved_at && (
        <Note tone="warn" role="status">
          {hold.may.includes("approve")
            ? "Nobody else has approved it yet."
            : "A colleague has to approve it."}{" "}
          Without that it ends on {atDateTime(hold.approve_until)}.
        </Note>
      )}
      {!hold.lifted_at && hold.lift_asked_by && (
        <Note tone="warn" role="status">
          {hold.lift_asked_by} wants it lifted: {hold.lift_reason} Somebody else lifts it, or sets the next
          review.
        </Note>
      )}
      <ProblemNote error={approve.error} />
      {!hold.lifted_at && (
        <div className={classes.steps}>
          {hold.may.includes("approve") && (
            <Button onClick={() => approve.mutate()} loading={approve.isPending}>
              Approve {hold.reference}
            </Button>
          )}
          <Button
            variant={act === "review" ? "light" : "default"}
            aria-expanded={act === "review"}
            aria-label={`Still needed, ${hold.reference}`}
            onClick={() => setAct(act === "review" ? null : "review")}
          >
            Still needed
          </Button>
          {hold.may.includes("lift") && (
            <Button
              variant={act === "lift" ? "light" : "default"}
              aria-expanded={act === "lift"}
              aria-label={`Lift, ${hold.reference}`}
              onClick={() => setAct(act === "lift" ? null : "lift")}
            >
              Lift
            </Button>
          )}
        </div>
      )}
      {act && <ActForm key={act} act={act} hold={hold} onDone={() => setAct(null)} />}
    </Panel>
  );
}

function ActForm({ act, hold, onDone }: { act: "review" | "lift"; hold: LegalHold; onDone: () => void }) {
  const client = useQueryClient();
  const [text, setText] = useState(act === "lift" ? hold.lift_reason : "");
  const params = { path: { reference: hold.reference } };
  const send = useMutation({
    mutationFn: () =>
      act === "lift"
        ? answer(api.POST("/api/staff/holds/{reference}/lift", { params, body: { reason: text } }))
        : answer(api.POST("/api/staff/holds/{reference}/review", { params, body: { review_on: text } })),
    onSuccess: async () => {
      onDone();
      await client.invalidateQueries({ queryKey: keys.staff.holds });
    },
  });
  return (
    <form
      className={classes.form}
      onSubmit={(event) => {
        event.preventDefault();
        if (!send.isPending) send.mutate();
      }}
    >
      {act === "lift" ? (
        <TextInput
          label="Why it ends"
          description={
            hold.sealed > 0
              ? hold.lift_asked_by
                ? "What was erased meanwhile goes for good. Nothing brings it back."
                : "What was erased meanwhile goes for good, so somebody else has to lift it after you."
              : "What it covers ends with its term again."
          }
          required
          autoFocus
          maxLength={200}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
      ) : (
        <TextInput
          label="Look again on"
          type="date"
          required
          autoFocus
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
      )}
      <ProblemNote error={send.error} />
      <Button type="submit" loading={send.isPending} color={act === "lift" ? "red.9" : undefined}>
        {act === "lift"
          ? hold.sealed > 0 && !hold.lift_asked_by
            ? "Ask for the lift"
            : "Lift the hold"
          : "Keep it in force"}
      </Button>
    </form>
  );
}
