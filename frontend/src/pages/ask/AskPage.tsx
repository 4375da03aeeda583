import { Button, NativeSelect, TextInput } from "@mantine/core";
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { balanceQuery } from "../../api/creditQueries";
import { useIntent } from "../../api/intent";
import { keys } from "../../api/keys";
import { asProblem } from "../../api/problem";
import { callsQuery, questionsQuery } from "../../api/queries";
import type { Answer } from "../../api/types";
import { Changes } from "../../app/Changes";
import { Empty } from "../../components/Empty";
import { More } from "../../components/More";
import { ProblemNote } from "../../components/Note";
import { Page } from "../../components/Page";
import { Waiting } from "../../components/Waiting";
import { credits } from "../../format/credits";
import { when } from "../../format/time";
import { AnswerView } from "./AnswerView";
import classes from "./AskPage.module.css";

const DAY_MS = 86_400_000;
const PERIODS = [
  { value: "", label: "All calls" },
  { value: "7", label: "Last 7 days" },
  { value: "30", label: "Last 30 days" },
  { value: "90", label: "Last 90 days" },
];

export function AskPage() {
  const client = useQueryClient();
  const intent = useIntent();
  const { data: balance } = useQuery(balanceQuery);
  const calls = useInfiniteQuery(callsQuery({}));
  const [question, setQuestion] = useState("");
  const [days, setDays] = useState("");
  const [shown, setShown] = useState<Answer | null>(null);
  const ask = useMutation({
    mutationFn: () =>
      answer(
        api.POST("/api/questions", {
          params: { header: { "Idempotency-Key": intent.key() } },
          body: {
            question: question.trim(),
            from: days ? new Date(Date.now() - Number(days) * DAY_MS).toISOString() : null,
          },
        }),
      ),
    onSuccess: (result) => {
      intent.done();
      setShown(result);
      void client.invalidateQueries({ queryKey: keys.questions });
      void client.invalidateQueries({ queryKey: keys.credits.balance });
    },
    onError: (error) => {
      if (asProblem(error)?.status !== 0) intent.done();
    },
  });
  const price = balance?.rate.ai_query_mcredits;
  const problem = asProblem(ask.error);
  return (
    <Page title="Ask your calls" width="wide">
      <div className={classes.columns}>
        <div className="stack">
          <Changes>
            <form
              className="stack"
              onSubmit={(event) => {
                event.preventDefault();
                if (!ask.isPending) ask.mutate();
              }}
            >
              <div className={classes.field}>
                <TextInput
                  label="Your question"
                  placeholder="Who objected to the price?"
                  value={question}
                  onChange={(event) => {
                    intent.done();
                    setQuestion(event.currentTarget.value);
                  }}
                  minLength={3}
                  maxLength={500}
                  required
                  withAsterisk={false}
                  error={problem?.forField("question")}
                />
                <Button type="submit" loading={ask.isPending}>
                  Ask
                </Button>
              </div>
              <div className={classes.chips}>
                <NativeSelect
                  aria-label="Which calls"
                  value={days}
                  onChange={(event) => {
                    intent.done();
                    setDays(event.currentTarget.value);
                  }}
                  data={PERIODS}
                />
                {price !== undefined && (
                  <span className="num quiet">
                    An answer costs {credits(price)}. “Not in your calls” and a question that fails are free.
                  </span>
                )}
              </div>
            </form>
          </Changes>
          <ProblemNote
            error={ask.error}
            action={problem?.code === "insufficient_credit" && <Link to="/credits">Buy credits</Link>}
          />
          <div aria-live="polite" className="stack">
            {ask.isPending && <Waiting lines={5} what="the answer" />}
            {!ask.isPending && shown && <AnswerView answer={shown} />}
          </div>
          {!ask.isPending && !shown && <Beginning hasCalls={calls.data?.pages[0]?.items.length !== 0} />}
        </div>
        <History onShow={setShown} shownId={shown?.id} />
      </div>
    </Page>
  );
}

/** What stands there before the first question. */
function Beginning({ hasCalls }: { hasCalls: boolean }) {
  if (!hasCalls) {
    return (
      <Empty title="There is no call to ask about yet" action={<Link to="/call">Call somebody</Link>}>
        What is said in a call is written down while you talk, and can be asked about within a minute of its
        end. Until then every question is answered “Not in your calls”, which is free.
      </Empty>
    );
  }
  return (
    <Empty title="Answers come in the very words of your calls">
      Ask in your own words, such as “What did they say about the delivery?” Every answer is made of quotes
      from your calls, each with its place in the call. What nobody said is not answered and costs nothing.
    </Empty>
  );
}

function History({
  onShow,
  shownId,
}: {
  onShow: (answer: Answer | null) => void;
  shownId: string | undefined;
}) {
  const client = useQueryClient();
  const questions = useInfiniteQuery(questionsQuery);
  const forget = useMutation({
    mutationFn: (id: string) =>
      answer(api.DELETE("/api/questions/{question_id}", { params: { path: { question_id: id } } })),
    onSuccess: (_, id) => {
      if (id === shownId) onShow(null);
      void client.invalidateQueries({ queryKey: keys.questions });
    },
  });
  const items = questions.data?.pages.flatMap((page) => page.items) ?? [];
  const now = new Date();
  return (
    <aside className="stack" aria-labelledby="asked">
      <h2 id="asked">Asked before</h2>
      <ProblemNote error={questions.error ?? forget.error} />
      {questions.isPending && <Waiting lines={4} what="earlier questions" />}
      {questions.isSuccess && items.length === 0 && (
        <p className="quiet">Your questions stay here until you delete them.</p>
      )}
      <ul className={classes.history}>
        {items.map((item) => (
          <li key={item.id}>
            <button type="button" className={classes.past} onClick={() => onShow(item)}>
              {item.question}
              <small className="num">
                {item.status === "answered" ? `${item.quotes.length} quotes` : "Not in your calls"} ·{" "}
                {when(item.asked_at, now)}
              </small>
            </button>
            <Changes>
              <Button
                variant="subtle"
                color="gray"
                size="compact-xs"
                mt={8}
                onClick={() => forget.mutate(item.id)}
                aria-label={`Delete the question: ${item.question}`}
              >
                Delete
              </Button>
            </Changes>
          </li>
        ))}
      </ul>
      <More pages={questions} />
    </aside>
  );
}
