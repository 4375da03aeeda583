import type { DeskCasePage } from "../../../api/types";
import { Panel } from "../../../components/Page";
import { when } from "../../../format/time";
import classes from "./Desk.module.css";
import { actWords, entryWords } from "./words";

type Entry = DeskCasePage["entries"][number];
const ENTRY_WORDS: Record<Entry["kind"], string> = {
  mail: "Mail",
  words: "What was asked",
  note: "Note",
  change: "What changed",
  reply: "Reply, mailed",
};

/** What was written, in order: the person's own words and ours. */
export function WrittenPanel({ entries }: { entries: Entry[] }) {
  const now = new Date();
  return (
    <Panel title="What was written">
      {entries.length === 0 && <p className="quiet">Nothing was written with this request.</p>}
      <ol className={classes.entries}>
        {entries.map((entry) => (
          <li
            key={entry.id}
            className={`${classes.entry} ${
              entry.author === "requester" ? classes.theirs : entry.kind === "reply" ? classes.ours : ""
            }`}
          >
            <div className={classes.quietly}>
              {ENTRY_WORDS[entry.kind]}
              {entry.author !== "requester" && `, ${entry.author}`} · {when(entry.at, now)}
            </div>
            <p className={classes.words}>{entryWords(entry)}</p>
          </li>
        ))}
      </ol>
    </Panel>
  );
}

/** Who did what, from the audit log, newest first. */
export function ActsPanel({ acts }: { acts: DeskCasePage["acts"] }) {
  const now = new Date();
  return (
    <Panel title="What was done">
      <ol className={classes.acts}>
        {acts.map((act) => (
          <li key={`${act.at} ${act.action}`}>
            <span className="num quiet">{when(act.at, now)}</span>
            <div>
              {act.by === "requester" ? "The person" : act.by}: {actWords(act.action)}
            </div>
          </li>
        ))}
      </ol>
    </Panel>
  );
}
