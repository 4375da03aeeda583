import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { ThingsQuery } from "../api/privacyQueries";
import type { Held } from "../api/types";
import { heldName, heldText } from "../format/held";
import { clockMs } from "../format/time";
import classes from "./HeldList.module.css";
import { More } from "./More";
import { ProblemNote } from "./Note";
import { Waiting } from "./Waiting";

// Kinds that have no form of their own.
const READ_ELSEWHERE: Record<string, string> = {
  transcript: "It stands in each call.",
  embedding: "Figures made of the text, which say nothing to people.",
};

interface HeldListProps {
  items: readonly Held[];
  thingsOf: (element: string) => ThingsQuery;
}

/** What is held, by kind: how much, why and for how long, and the things themselves to read. */
export function HeldList({ items, thingsOf }: HeldListProps) {
  return (
    <ul className={classes.list}>
      {items.map((item) => (
        <li key={item.element}>
          <span>{item.title}</span>
          <span className="num quiet">{item.count}</span>
          <div className={classes.folds}>
            {item.listed ? (
              <Readable title={item.title} query={thingsOf(item.element)} />
            ) : (
              <span className="quiet">
                {READ_ELSEWHERE[item.element] ?? "It is in the copy of everything."}
              </span>
            )}
            <details>
              <summary>Why, how long, who receives it</summary>
              <dl className={classes.facts}>
                <dt>From</dt>
                <dd>{item.source}</dd>
                <dt>What for</dt>
                <dd>{item.purpose}</dd>
                <dt>Basis</dt>
                <dd>{item.basis}</dd>
                <dt>Kept</dt>
                <dd>{item.retention}</dd>
                <dt>Erased</dt>
                <dd>{item.erasure}</dd>
                <dt>Received by</dt>
                <dd>
                  {item.recipients.length > 0 ? item.recipients.join(", ") : "Nobody outside our server"}
                </dd>
              </dl>
            </details>
          </div>
        </li>
      ))}
    </ul>
  );
}

function Readable({ title, query }: { title: string; query: ThingsQuery }) {
  const [open, setOpen] = useState(false);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        Read<span className="visually-hidden">: {title}</span>
      </summary>
      {open && <Things title={title} query={query} />}
    </details>
  );
}

function Things({ title, query }: { title: string; query: ThingsQuery }) {
  const pages = useInfiniteQuery(query);
  const things = pages.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <>
      <ProblemNote error={pages.error} />
      {pages.isPending && <Waiting lines={3} what={title} />}
      {pages.isSuccess && things.length === 0 && (
        <p className="quiet">
          Nothing of it can be shown here; support@klosesales.com answers questions about it.
        </p>
      )}
      <ol className={classes.things}>
        {things.map((thing, place) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: two may be alike; they are only ever appended.
          <li key={place}>
            <Thing thing={thing} />
          </li>
        ))}
      </ol>
      <More pages={pages} />
    </>
  );
}

type Fields = Record<string, unknown>;

function Thing({ thing }: { thing: Fields }) {
  return (
    <dl className={classes.facts}>
      {Object.entries(thing).map(([key, value]) => (
        <Fact key={key} name={key} value={value} />
      ))}
    </dl>
  );
}

function Fact({ name, value }: { name: string; value: unknown }) {
  return (
    <>
      <dt>{heldName(name)}</dt>
      <dd className="num">
        <Value name={name} value={value} />
      </dd>
    </>
  );
}

const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null;

function Value({ name, value }: { name: string; value: unknown }) {
  if (!Array.isArray(value)) return isFields(value) ? <Thing thing={value} /> : heldText(name, value);
  if (value.length === 0) return "none";
  if (!value.every(isFields)) return value.map((each) => heldText(name, each)).join(", ");
  return (
    <details>
      <summary>{value.length}, to read</summary>
      <ol className={classes.lines}>
        {value.map((each, place) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: what is shown does not change.
          <li key={place}>{"start_ms" in each ? <Line line={each} /> : <Thing thing={each} />}</li>
        ))}
      </ol>
    </details>
  );
}

/** What somebody said in a call. */
function Line({ line }: { line: Fields }) {
  const first = line.recognised_as;
  return (
    <>
      <span className="quiet">
        {clockMs(Number(line.start_ms))} {heldText("speaker", line.speaker)}:
      </span>{" "}
      {String(line.text)}
      {Boolean(first) && first !== line.text && (
        <span className="quiet"> (first taken down as: {String(first)})</span>
      )}
    </>
  );
}
