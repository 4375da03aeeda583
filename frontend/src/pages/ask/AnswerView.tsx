import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { callQuery } from "../../api/queries";
import type { Answer, Quote } from "../../api/types";
import { placeOf } from "../../calls/place";
import { Note } from "../../components/Note";
import { TalkSlice } from "../../components/TalkStrip";
import { credits } from "../../format/credits";
import { clockMs, when } from "../../format/time";
import classes from "./AskPage.module.css";

// How much of the call the slice shows on either side of the quote.
const AROUND_MS = 30_000;

function count(value: number, unit: string): string {
  return `${value} ${unit}${value === 1 ? "" : "s"}`;
}

/** An answer: the quotes, or that it is not in the calls, with what was looked through and what it cost. */
export function AnswerView({ answer }: { answer: Answer }) {
  const { searched, quotes } = answer;
  const looked = `${count(searched.calls, "call")} and ${count(searched.passages, "passage")} were searched.`;
  if (answer.status === "not_in_your_calls") {
    return (
      <section className="stack" aria-label="Answer">
        <h2>{answer.question}</h2>
        <Note title="Not in your calls">{looked} Nothing in them answers this. Nothing was charged.</Note>
      </section>
    );
  }
  return (
    <section className="stack" aria-label="Answer">
      <h2>{answer.question}</h2>
      <ul className={classes.cards}>
        {quotes.map((quote) => (
          <QuoteCard key={quote.segment_id} quote={quote} />
        ))}
      </ul>
      {answer.quotes_removed > 0 && (
        <Note>
          {count(answer.quotes_removed, "quote")} of this answer{" "}
          {answer.quotes_removed === 1 ? "was" : "were"} removed at a person's request or after its term, or
          may no longer be seen.
        </Note>
      )}
      <p className="num quiet">
        {looked} Charged: {credits(answer.charged_mcredits)}.
      </p>
    </section>
  );
}

function marked(quote: Quote): ReactNode[] {
  const parts: ReactNode[] = [];
  let at = 0;
  for (const { start, end } of [...quote.highlights].sort((a, b) => a.start - b.start)) {
    if (start < at) continue;
    parts.push(quote.text.slice(at, start), <mark key={start}>{quote.text.slice(start, end)}</mark>);
    at = end;
  }
  return [...parts, quote.text.slice(at)];
}

function QuoteCard({ quote }: { quote: Quote }) {
  const { data: call } = useQuery(callQuery(quote.call_id));
  return (
    <li className={classes.card}>
      <blockquote className={`${classes.words} ${classes[quote.speaker]}`}>{marked(quote)}</blockquote>
      {call && (
        <TalkSlice
          speech={call.speech}
          startMs={Math.max(0, quote.start_ms - AROUND_MS)}
          endMs={quote.end_ms + AROUND_MS}
        />
      )}
      <div className={`num ${classes.source}`}>
        <span className={quote.speaker === "agent" ? classes.agentName : classes.calleeName}>
          {quote.speaker === "agent" ? "You" : quote.lead_name}
        </span>
        {quote.speaker === "agent" && <span>to {quote.lead_name}</span>}
        <span>{when(quote.started_at, new Date())}</span>
        <Link
          to="/calls/$callId"
          params={{ callId: quote.call_id }}
          search={{ at: placeOf(quote) }}
          aria-label={`Go to ${clockMs(quote.start_ms)} in the call with ${quote.lead_name}`}
        >
          Go to {clockMs(quote.start_ms)}
        </Link>
      </div>
    </li>
  );
}
