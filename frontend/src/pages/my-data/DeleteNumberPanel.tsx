import { Button, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { keepAnswer } from "../../api/keepAnswer";
import { keys } from "../../api/keys";
import { asProblem } from "../../api/problem";
import type { MyData } from "../../api/types";
import { Note, ProblemNote } from "../../components/Note";
import { Panel } from "../../components/Page";
import { atDateTime, onDate } from "../../format/time";
import classes from "../privacy/PrivacyPage.module.css";

type When = "after_grace" | "now";

/** Having everything deleted: what goes, what stays and why, the number typed again; or the request that is open. */
export function DeleteNumberPanel({ data }: { data: MyData }) {
  const open = data.erasure && !["cancelled", "done"].includes(data.erasure.state) ? data.erasure : null;
  return (
    <Panel title="Delete everything">
      {open ? <OpenErasure erasure={open} /> : <EraseForm data={data} />}
    </Panel>
  );
}

function OpenErasure({ erasure }: { erasure: NonNullable<MyData["erasure"]> }) {
  const client = useQueryClient();
  const cancel = useMutation({
    mutationFn: () => answer(api.POST("/api/my-data/erasure/cancel")),
    onSuccess: (found) => keepAnswer(client, keys.myData, found),
  });
  return (
    <Note
      tone="warn"
      role="status"
      title={
        erasure.cancellable
          ? `Everything is deleted on ${atDateTime(erasure.runs_at)}`
          : "It is being deleted"
      }
      action={
        erasure.cancellable && (
          <Button variant="default" onClick={() => cancel.mutate()} loading={cancel.isPending}>
            Do not delete it
          </Button>
        )
      }
    >
      <p>
        It is done by {onDate(erasure.due_on)} at the latest. The <a href={erasure.receipt_path}>receipt</a>{" "}
        can be opened without a code; keep its address. Nobody may call this number any more.
      </p>
      <ProblemNote error={cancel.error} />
    </Note>
  );
}

function EraseForm({ data }: { data: MyData }) {
  const client = useQueryClient();
  const [when, setWhen] = useState<When>("after_grace");
  const [typed, setTyped] = useState("");
  const erase = useMutation({
    mutationFn: () => answer(api.POST("/api/my-data/erasure", { body: { confirm: typed.trim(), when } })),
    onSuccess: (found) => {
      // At once means that this page shuts too: the receipt is a page for everybody.
      if (when === "now" && found.erasure) window.location.assign(found.erasure.receipt_path);
      else keepAnswer(client, keys.myData, found);
    },
  });
  const problem = asProblem(erase.error);
  const atField = problem?.code === "confirmation_mismatch";
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (typed.trim() && !erase.isPending) erase.mutate();
      }}
    >
      <div className={classes.pair}>
        <div>
          <h3>What goes</h3>
          <ul>
            {data.preview.goes.map((item) => (
              <li key={item.element}>
                {item.title} <span className="num quiet">({item.count})</span>
              </li>
            ))}
          </ul>
        </div>
        <div>
          <h3>What must stay, and why</h3>
          <ul>
            {data.preview.stays.map((item) => (
              <li key={item.what}>
                {item.what}
                <div className={`quiet ${classes.why}`}>{item.why}</div>
              </li>
            ))}
          </ul>
        </div>
      </div>
      <p className="quiet">It also stops all calls to this number, at once and for good.</p>
      <fieldset className={classes.choices}>
        <legend>When</legend>
        <label>
          <input
            type="radio"
            name="when"
            checked={when === "after_grace"}
            onChange={() => setWhen("after_grace")}
          />
          After {data.preview.grace_days} days, in which you can change your mind
        </label>
        <label>
          <input type="radio" name="when" checked={when === "now"} onChange={() => setWhen("now")} />
          Now. This cannot be undone
        </label>
      </fieldset>
      <TextInput
        label={`Type ${data.number} to confirm`}
        value={typed}
        onChange={(event) => setTyped(event.currentTarget.value)}
        type="tel"
        autoComplete="off"
        maxLength={40}
        error={atField ? problem.detail : problem?.forField("confirm")}
      />
      {!atField && problem?.errors.length === 0 && <ProblemNote error={problem} />}
      <div>
        <Button type="submit" color="red.9" disabled={!typed.trim()} loading={erase.isPending}>
          Delete everything
        </Button>
      </div>
    </form>
  );
}
