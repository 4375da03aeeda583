import { Button, Textarea, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../../api/client";
import { breachesQuery } from "../../../api/deskQueries";
import { keys } from "../../../api/keys";
import { asProblem } from "../../../api/problem";
import type { Breach } from "../../../api/types";
import { Dialog } from "../../../components/Dialog";
import { Empty } from "../../../components/Empty";
import { ProblemNote } from "../../../components/Note";
import { Page, Panel } from "../../../components/Page";
import { Tag } from "../../../components/Tag";
import { useForm } from "../../../components/useForm";
import { Waiting } from "../../../components/Waiting";
import { atDateTime, when } from "../../../format/time";
import classes from "../desk/Desk.module.css";

/** The register of breaches, each with its 72 hours. */
export function BreachesPage() {
  const breaches = useQuery(breachesQuery);
  const [adding, setAdding] = useState(false);
  return (
    <Page
      title="Breaches"
      actions={
        <Button variant="default" onClick={() => setAdding(true)}>
          Record a breach
        </Button>
      }
    >
      <ProblemNote error={breaches.error} />
      {breaches.isPending && <Waiting lines={6} what="the breaches" />}
      {breaches.data?.items.length === 0 && (
        <Empty title="No breach is recorded">
          Record one as soon as somebody notices it: 72 hours later the authority has to know. Recording too
          much does no harm.
        </Empty>
      )}
      {breaches.data?.items.map((breach) => (
        <BreachPanel key={breach.reference} breach={breach} />
      ))}
      {adding && (
        <Dialog title="Record a breach" onClose={() => setAdding(false)}>
          <RecordForm onDone={() => setAdding(false)} />
        </Dialog>
      )}
    </Page>
  );
}

function Clock({ breach }: { breach: Breach }) {
  if (breach.closed_at) return <Tag>Closed</Tag>;
  if (breach.hours_left === null) return <Tag tone="good">Authority told</Tag>;
  if (breach.hours_left < 0) return <Tag tone="bad">{-breach.hours_left} hours late</Tag>;
  return (
    <Tag tone={breach.hours_left < 24 ? "bad" : "warn"}>
      {breach.hours_left} {breach.hours_left === 1 ? "hour" : "hours"} left
    </Tag>
  );
}

type Act = "note" | "authority" | "people" | "close";
const ACT_WORDS: Record<Act, { button: string; label: string }> = {
  authority: { button: "Authority told", label: "How the authority was told" },
  people: { button: "People told", label: "How the people concerned were told" },
  note: { button: "Note", label: "Note" },
  close: { button: "Close", label: "Conclusion" },
};

function BreachPanel({ breach }: { breach: Breach }) {
  const [act, setAct] = useState<Act | null>(null);
  const now = new Date();
  const acts: Act[] = breach.closed_at ? ["note"] : ["authority", "people", "note", "close"];
  return (
    <Panel title={breach.reference} aside={<Clock breach={breach} />}>
      <p className={classes.words}>{breach.what}</p>
      <dl className={classes.facts}>
        <div>
          <dt>Noticed</dt>
          <dd>{atDateTime(breach.noticed_at)}</dd>
        </div>
        <div>
          <dt>Authority</dt>
          <dd>
            {breach.told_authority_at
              ? `told on ${atDateTime(breach.told_authority_at)}`
              : breach.closed_at
                ? `not told: ${breach.untold_reason}`
                : `to be told by ${atDateTime(breach.due_at)}`}
          </dd>
        </div>
        <div>
          <dt>People concerned</dt>
          <dd>{breach.told_people_at ? `told on ${atDateTime(breach.told_people_at)}` : "not told"}</dd>
        </div>
        {breach.closed_at && (
          <div>
            <dt>Closed on {atDateTime(breach.closed_at)}</dt>
            <dd className={classes.words}>{breach.conclusion}</dd>
          </div>
        )}
      </dl>
      {breach.entries.length > 0 && (
        <ol className={classes.entries}>
          {breach.entries.map((entry) => (
            <li key={entry.id} className={classes.entry}>
              <div className={classes.quietly}>
                {entry.author} · {when(entry.at, now)}
              </div>
              <p className={classes.words}>{entry.text}</p>
            </li>
          ))}
        </ol>
      )}
      <div className={classes.steps}>
        {acts.map((each) => (
          <Button
            key={each}
            variant={each === act ? "light" : "default"}
            aria-expanded={each === act}
            aria-label={`${ACT_WORDS[each].button}, ${breach.reference}`}
            onClick={() => setAct(each === act ? null : each)}
          >
            {ACT_WORDS[each].button}
          </Button>
        ))}
      </div>
      {act && <ActForm key={act} act={act} breach={breach} onDone={() => setAct(null)} />}
    </Panel>
  );
}

function ActForm({ act, breach, onDone }: { act: Act; breach: Breach; onDone: () => void }) {
  const client = useQueryClient();
  const [text, setText] = useState("");
  const [untold, setUntold] = useState("");
  const params = { path: { reference: breach.reference } };
  const write = useMutation({
    mutationFn: () => {
      if (act === "note") {
        return answer(api.POST("/api/staff/breaches/{reference}/note", { params, body: { text } }));
      }
      if (act === "close") {
        return answer(
          api.POST("/api/staff/breaches/{reference}/close", {
            params,
            body: { conclusion: text, untold_reason: untold },
          }),
        );
      }
      return answer(
        api.POST("/api/staff/breaches/{reference}/told", { params, body: { whom: act, how: text } }),
      );
    },
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: keys.staff.breaches });
      onDone();
    },
  });
  return (
    <form
      className={classes.form}
      onSubmit={(event) => {
        event.preventDefault();
        if (!write.isPending) write.mutate();
      }}
    >
      <Textarea
        label={ACT_WORDS[act].label}
        description="Name nobody: the register is kept for years."
        required
        autoFocus
        autosize
        minRows={2}
        minLength={3}
        maxLength={4000}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      {act === "close" && !breach.told_authority_at && (
        <Textarea
          label="Why the authority need not be told"
          required
          autosize
          minRows={2}
          maxLength={4000}
          value={untold}
          onChange={(event) => setUntold(event.currentTarget.value)}
        />
      )}
      <ProblemNote error={write.error} />
      <Button type="submit" loading={write.isPending}>
        Keep
      </Button>
    </form>
  );
}

function RecordForm({ onDone }: { onDone: () => void }) {
  const client = useQueryClient();
  const { values, field } = useForm({ what: "", noticed_at: "" });
  const record = useMutation({
    mutationFn: () =>
      answer(
        api.POST("/api/staff/breaches", {
          body: { what: values.what, noticed_at: new Date(values.noticed_at).toISOString() },
        }),
      ),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: keys.staff.breaches });
      onDone();
    },
  });
  const problem = asProblem(record.error);
  const atTime = problem?.code === "breach_noticed_later";
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (!record.isPending) record.mutate();
      }}
    >
      <Textarea
        label="What happened"
        description="Name nobody: the register is kept for years."
        required
        autosize
        minRows={3}
        minLength={3}
        maxLength={4000}
        error={problem?.forField("what")}
        {...field("what")}
      />
      <TextInput
        label="Noticed, in your time"
        description="The 72 hours run from then."
        type="datetime-local"
        required
        error={atTime ? problem.detail : problem?.forField("noticed_at")}
        {...field("noticed_at")}
      />
      {!atTime && problem?.errors.length === 0 && <ProblemNote error={problem} />}
      <div>
        <Button type="submit" loading={record.isPending}>
          Record it
        </Button>
      </div>
    </form>
  );
}
