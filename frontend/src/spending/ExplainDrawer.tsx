import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { explanationQuery } from "../api/creditQueries";
import type { Evidence, Explanation } from "../api/types";
import { Note, ProblemNote } from "../components/Note";
import { SideDrawer } from "../components/SideDrawer";
import { Waiting } from "../components/Waiting";
import { creditNumber, credits, signedCredits } from "../format/credits";
import { atDateTime, atSecond, longTime } from "../format/time";
import classes from "./Explanation.module.css";
import { ACCOUNT_WORDS } from "./words";

interface DrawerProps {
  entryId: string | undefined;
  onClose: () => void;
}

/** One ledger entry, from the messages that it rests on to the accounts that it moved. */
export function ExplainDrawer({ entryId, onClose }: DrawerProps) {
  return (
    <SideDrawer title="Explain this entry" opened={entryId !== undefined} onClose={onClose}>
      {entryId !== undefined && <Loaded entryId={entryId} />}
    </SideDrawer>
  );
}

function Loaded({ entryId }: { entryId: string }) {
  const explanation = useQuery(explanationQuery(entryId));
  if (explanation.error) return <ProblemNote error={explanation.error} />;
  if (!explanation.data) return <Waiting lines={8} what="the explanation" />;
  return <ExplanationView explanation={explanation.data} />;
}

function ExplanationView({ explanation }: { explanation: Explanation }) {
  const { entry, summary, agrees, answered_s, rate } = explanation;
  return (
    <div className={classes.body}>
      <div className={classes.amount}>
        {entry.amount_mcredits === 0 ? "Nothing charged" : signedCredits(entry.amount_mcredits)}
        {entry.amount_mcredits !== 0 && <small> credits</small>}
      </div>
      <p>{summary}</p>
      <dl className={classes.facts}>
        <Fact name="Booked">{`${atDateTime(entry.occurred_at)}:${atSecond(entry.occurred_at).slice(-2)}`}</Fact>
        <Fact name="Cause">
          <CauseLink explanation={explanation} />
        </Fact>
        {answered_s !== null && (
          <Fact name="Answered">
            {answered_s.toLocaleString("en")} s{answered_s >= 60 && ` (${longTime(answered_s)} and the rest)`}
          </Fact>
        )}
        {rate && (
          <Fact name="Rate card">
            Version {rate.version}: {credits(rate.mcredits_per_minute)} a minute
          </Fact>
        )}
        <Fact name="Balance after">{credits(entry.balance_after_mcredits)}</Fact>
      </dl>
      <Steps explanation={explanation} />
      {agrees === false && (
        <Note tone="bad" title="This does not add up">
          The arithmetic comes to another amount than what was booked. Write to support and name entry{" "}
          {entry.id}.
        </Note>
      )}
      <Rests evidence={explanation.evidence} kind={entry.cause.kind} />
      <Postings explanation={explanation} />
      <Related explanation={explanation} />
    </div>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd className="num">{children}</dd>
    </div>
  );
}

function CauseLink({ explanation }: { explanation: Explanation }) {
  const { cause } = explanation.entry;
  const by = cause.by === null ? "" : ` by ${cause.by}`;
  if (cause.kind === "call" && cause.id !== null) {
    return (
      <>
        <Link to="/calls/$callId" params={{ callId: cause.id }}>
          Call with {cause.about}
        </Link>
        {by}
      </>
    );
  }
  return `${cause.about}${by}`;
}

function Steps({ explanation }: { explanation: Explanation }) {
  if (explanation.steps.length === 0) return null;
  return (
    <section aria-labelledby="explain-steps">
      <h3 id="explain-steps">Arithmetic</h3>
      <ol className={classes.steps}>
        {explanation.steps.map((step) => (
          <li key={step.label}>
            <span>
              {step.label}
              <span className={classes.working}>{step.working}</span>
            </span>
            <span className="num">{step.result}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}

const SENDERS: Record<Evidence["sender"], string> = { twilio: "Twilio", paddle: "Paddle" };

function Rests({ evidence, kind }: { evidence: readonly Evidence[]; kind: string }) {
  if (evidence.length === 0) {
    if (kind !== "call") return null;
    return (
      <p className="quiet">
        No message of the carrier is kept for this entry; it was asked how the call went.
      </p>
    );
  }
  return (
    <section aria-labelledby="explain-evidence">
      <h3 id="explain-evidence">Rests on</h3>
      <ol className={classes.evidence}>
        {evidence.map((message) => (
          <li key={`${message.at} ${message.says} ${message.received_at}`}>
            <div>
              {message.says}
              <span className={classes.working}>
                {SENDERS[message.sender]} said {atSecond(message.at)}, received{" "}
                {atDateTime(message.received_at)}:{atSecond(message.received_at).slice(-2)}
              </span>
            </div>
            <dl className={classes.fields}>
              {message.facts.map((fact) => (
                <div key={fact.name}>
                  <dt>{fact.name}</dt>
                  <dd>{fact.value}</dd>
                </div>
              ))}
            </dl>
          </li>
        ))}
      </ol>
    </section>
  );
}

function Postings({ explanation }: { explanation: Explanation }) {
  return (
    <section aria-labelledby="explain-postings">
      <h3 id="explain-postings">Postings</h3>
      <table className={classes.table}>
        <thead>
          <tr>
            <th scope="col">Account</th>
            <th scope="col">Debit</th>
            <th scope="col">Credit</th>
          </tr>
        </thead>
        <tbody>
          {explanation.postings.map((posting) => (
            <tr key={posting.account}>
              <td>{ACCOUNT_WORDS[posting.account]}</td>
              <td>{posting.side === "debit" ? creditNumber(posting.amount_mcredits) : ""}</td>
              <td>{posting.side === "credit" ? creditNumber(posting.amount_mcredits) : ""}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className={classes.id}>Entry {explanation.entry.id}</p>
    </section>
  );
}

function Related({ explanation }: { explanation: Explanation }) {
  const { related, related_total, entry } = explanation;
  if (related_total < 2) return null;
  return (
    <section aria-labelledby="explain-related">
      <h3 id="explain-related">All entries of the same cause</h3>
      <ol className={classes.related}>
        {related.map((each) => (
          <li key={each.id} aria-current={each.id === entry.id ? "true" : undefined}>
            <span className="num quiet">{atSecond(each.occurred_at)}</span>
            <span>{each.description}</span>
            <span className="num">{signedCredits(each.amount_mcredits)}</span>
          </li>
        ))}
      </ol>
      {related_total > related.length && (
        <p className="quiet">
          {related.length} of {related_total.toLocaleString("en")} entries are shown.
        </p>
      )}
    </section>
  );
}
