import type { Call, Insight, Insights, Segment } from "../../api/types";
import { RefusalNote } from "../../calls/RefusalNote";
import { Waiting } from "../../components/Waiting";
import { clockMs, onDate } from "../../format/time";
import { KIND_ORDER, KIND_WORDS } from "./insightWords";
import classes from "./OneCallPage.module.css";

interface InsightsViewProps {
  call: Call;
  insights: Insights;
  segments: readonly Segment[];
  onGo: (segmentId: string) => void;
}

/** Each statement with the very words that carry it; a click goes there. */
export function InsightsView({ call, insights, segments, onGo }: InsightsViewProps) {
  if (insights.state === "pending") {
    return (
      <>
        <p className="quiet">
          What was agreed, asked and objected to is being worked out from the text, which takes less than a
          minute and costs nothing.
        </p>
        <Waiting lines={4} what="insights" />
      </>
    );
  }
  if (insights.state === "expired") {
    return <p className="quiet">Removed with the text, after 180 days.</p>;
  }
  if (insights.items.length === 0 && insights.state === "ready") {
    return (
      <p className="quiet">
        Nothing was said here that could be summed up with words of the call to show for it. Insights cost
        nothing.
      </p>
    );
  }
  return (
    <>
      {insights.state === "stale" && (
        <p className="quiet" role="status">
          A line was corrected since. This is being worked out again.
        </p>
      )}
      <p className="quiet">Worked out from the text, at no cost. Each leads to the words that it rests on.</p>
      <ul className={classes.insights}>
        {KIND_ORDER.map((kind) => {
          const items = insights.items.filter((insight) => insight.kind === kind);
          if (items.length === 0) return null;
          return (
            <li key={kind}>
              <h3 className={classes.kind}>{KIND_WORDS[kind]}</h3>
              {items.map((insight) => (
                <Statement
                  key={`${insight.start_ms}-${insight.text}`}
                  insight={insight}
                  segments={segments}
                  onGo={onGo}
                />
              ))}
              {kind === "do_not_call" && (
                <div className={classes.statement}>
                  <RefusalNote call={call} beside={quotesOf(items, segments)} />
                </div>
              )}
            </li>
          );
        })}
      </ul>
    </>
  );
}

function quotesOf(items: readonly Insight[], segments: readonly Segment[]): Segment[] {
  return items.flatMap((insight) =>
    insight.segment_ids.flatMap((id) => segments.find((segment) => segment.id === id) ?? []),
  );
}

interface StatementProps {
  insight: Insight;
  segments: readonly Segment[];
  onGo: (id: string) => void;
}

/** What the statement adds to its quotes: nothing when it is made of their words, a lead-in when it only puts one before. */
function ownWords(insight: Insight, quotes: readonly Segment[]): string {
  if (quotes.some((quote) => quote.text.includes(insight.text))) return "";
  if (!quotes.every((quote) => insight.text.includes(quote.text))) return insight.text;
  const only = quotes.length === 1 ? quotes[0] : undefined;
  const leadIn = only ? insight.text.slice(0, insight.text.indexOf(only.text)) : "";
  return leadIn.replace(/[:\s]+$/, "");
}

function Statement({ insight, segments, onGo }: StatementProps) {
  const quotes = quotesOf([insight], segments);
  const words = ownWords(insight, quotes);
  const facts = [
    words,
    insight.owner && (insight.owner === "agent" ? "for you" : "for the lead"),
    insight.due_on && `by ${onDate(insight.due_on)}`,
  ].filter(Boolean);
  return (
    <div className={classes.statement}>
      {facts.length > 0 && <div>{facts.join(" · ")}</div>}
      {quotes.map((segment) => (
        <button
          key={segment.id}
          type="button"
          className={`${classes.quote} ${segment.speaker ? classes[segment.speaker] : ""}`}
          onClick={() => onGo(segment.id)}
          aria-label={`Go to ${clockMs(segment.start_ms)}: ${segment.text}`}
        >
          <span className="num">{clockMs(segment.start_ms)}</span> {segment.text}
        </button>
      ))}
    </div>
  );
}
