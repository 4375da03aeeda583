import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { keys } from "../../api/keys";
import { policyNoticeQuery } from "../../api/policyQueries";
import { safeNext } from "../../app/safeNext";
import { ProblemNote } from "../../components/Note";
import { Page, Panel } from "../../components/Page";
import { PublicFrame } from "../../components/PublicFrame";
import { Waiting } from "../../components/Waiting";
import { onDate } from "../../format/time";
import classes from "./QuestionPage.module.css";

/** A changed policy that has to be answered before the product goes on: accepting it, and a yes or no to each new use of data. */
export function QuestionPage() {
  const { next } = useSearch({ from: "/policy-question" });
  const client = useQueryClient();
  const notice = useQuery(policyNoticeQuery);
  const [said, setSaid] = useState<Record<string, boolean>>({});
  const question = notice.data?.question;
  const purposes = notice.data?.purposes ?? [];
  const send = useMutation({
    mutationFn: (version: string) =>
      answer(
        api.POST("/api/policy/answer", {
          body: {
            version,
            answers: purposes.map(({ key }) => ({ purpose: key, given: said[key] === true })),
          },
        }),
      ),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: keys.session });
      window.location.replace(safeNext(next));
    },
  });
  const isAnswered = purposes.every(({ key }) => said[key] !== undefined);
  return (
    <PublicFrame>
      <Page title="Our privacy policy has changed" width="narrow">
        <ProblemNote error={notice.error} />
        {notice.isPending && <Waiting lines={6} what="what has changed" />}
        {notice.isSuccess && !question && (
          <p>
            There is nothing to answer. <a href={safeNext(next)}>Go on to Klosesales</a>
          </p>
        )}
        {question && (
          <form
            className="stack"
            onSubmit={(event) => {
              event.preventDefault();
              if (isAnswered && !send.isPending) send.mutate(question.version);
            }}
          >
            <p>
              Version {question.version} is in force since {onDate(question.effective_on)}. {question.summary}
            </p>
            <p>
              <Link to="/policy/changes" search={{ version: question.version }}>
                Every change, word by word
              </Link>
            </p>
            {purposes.map((purpose) => (
              <Panel key={purpose.key} title={purpose.title}>
                <p>{purpose.words}</p>
                <fieldset className={classes.choices}>
                  <legend className="visually-hidden">{purpose.title}</legend>
                  <label>
                    <input
                      type="radio"
                      name={purpose.key}
                      checked={said[purpose.key] === true}
                      onChange={() => setSaid((now) => ({ ...now, [purpose.key]: true }))}
                    />
                    Yes, I agree
                  </label>
                  <label>
                    <input
                      type="radio"
                      name={purpose.key}
                      checked={said[purpose.key] === false}
                      onChange={() => setSaid((now) => ({ ...now, [purpose.key]: false }))}
                    />
                    No
                  </label>
                </fieldset>
                <p className="quiet">If you say no: {purpose.if_no}</p>
              </Panel>
            ))}
            <ProblemNote error={send.error} />
            <div className="row">
              <Button type="submit" disabled={!isAnswered} loading={send.isPending}>
                {purposes.length > 0
                  ? "Accept the policy and save my answers"
                  : "Accept the policy and go on"}
              </Button>
            </div>
            <p className="quiet">
              You do not want that? <Link to="/rights">Take your data along or delete your account</Link>
              {purposes.length > 0 && ". What you say here you can change at any time in the privacy centre"}.
            </p>
          </form>
        )}
      </Page>
    </PublicFrame>
  );
}
