import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { statementQuery } from "../../api/creditQueries";
import type { StatementFilters } from "../../api/keys";
import type { Entry } from "../../api/types";
import { Changes } from "../../app/Changes";
import type { CreditsSearch } from "../../app/searches";
import { Empty } from "../../components/Empty";
import list from "../../components/List.module.css";
import { More } from "../../components/More";
import { ProblemNote } from "../../components/Note";
import { rowKeys } from "../../components/rowKeys";
import { Waiting } from "../../components/Waiting";
import { creditNumber, signedCredits } from "../../format/credits";
import { localDay, when } from "../../format/time";
import { KIND_WORDS } from "../../spending/words";
import classes from "./CreditsPage.module.css";
import { StatementFilterFields } from "./StatementFilterFields";

/** Days of this browser's calendar, both included, as moments. */
function filtersOf({ kind, from, to, member, call }: CreditsSearch): StatementFilters {
  const end = to === undefined ? undefined : localDay(to);
  end?.setDate(end.getDate() + 1);
  return {
    kind,
    since: from && localDay(from).toISOString(),
    until: end?.toISOString(),
    user_id: member,
    call_id: call,
  };
}

export function Statement() {
  const search = useSearch({ from: "/app/credits" });
  const filters = filtersOf(search);
  const statement = useInfiniteQuery(statementQuery(filters));
  const entries = statement.data?.pages.flatMap((page) => page.items);
  const filtered = Object.values(filters).some((each) => each !== undefined);
  const given = Object.entries(filters).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return (
    <section className="stack" aria-labelledby="statement">
      <div className={classes.statementHead}>
        <h2 id="statement">Statement</h2>
        {entries && entries.length > 0 && (
          <Changes>
            <a href={`/api/credits/statement.csv?${new URLSearchParams(given)}`} download>
              Download as CSV
            </a>
          </Changes>
        )}
      </div>
      <p className="quiet">
        A call costs by the length that the carrier counts, from the lead's answer to the end. If our own
        service is away for a while, the conversation goes on, and what fell due meanwhile is booked
        afterwards, each part once.
      </p>
      <StatementFilterFields filtered={filtered} />
      <ProblemNote error={statement.error} />
      {statement.isPending && <Waiting lines={4} what="the statement" />}
      {entries?.length === 0 &&
        (filtered ? (
          <Empty title="No such entries" action={<Link to="/credits">Show the whole statement</Link>}>
            Nothing was booked that fits what you chose above.
          </Empty>
        ) : (
          <Empty title="Nothing has been booked yet">
            Every purchase, every call minute and every answer will stand here with its arithmetic.
          </Empty>
        ))}
      {entries && entries.length > 0 && <Entries entries={entries} />}
      <More pages={statement} />
    </section>
  );
}

function Entries({ entries }: { entries: readonly Entry[] }) {
  const now = new Date();
  return (
    <table className={list.table} onKeyDown={rowKeys}>
      <thead>
        <tr>
          <th scope="col">When</th>
          <th scope="col">What</th>
          <th scope="col" className={list.right}>
            Credits
          </th>
          <th scope="col" className={`${list.right} ${list.minor}`}>
            After
          </th>
          <th scope="col">
            <span className="visually-hidden">Why</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {entries.map((entry) => (
          <tr key={entry.id}>
            <td className="num">{when(entry.occurred_at, now)}</td>
            <td>
              {entry.kind === "charge" ? entry.description : KIND_WORDS[entry.kind]}
              <div className={`${list.under} ${list.typed}`}>
                <CauseWords entry={entry} />
              </div>
            </td>
            <td className={list.right}>{signedCredits(entry.amount_mcredits)}</td>
            <td className={`${list.right} ${list.minor}`}>{creditNumber(entry.balance_after_mcredits)}</td>
            <td className={list.right}>
              <Link
                from="/credits"
                to="/credits"
                search={(held) => ({ ...held, explain: entry.id })}
                resetScroll={false}
                data-row
              >
                Explain
                <span className="visually-hidden">
                  {" "}
                  {entry.description}, {when(entry.occurred_at, now)}
                </span>
              </Link>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function CauseWords({ entry }: { entry: Entry }) {
  const { cause } = entry;
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
