import type { MyData } from "../../api/types";
import { Panel } from "../../components/Page";
import { onDay } from "../../format/time";
import privacy from "../privacy/PrivacyPage.module.css";
import classes from "./MyData.module.css";

/** Who holds what, in words; nothing of it is a reason to worry that nobody is told. */
export function HoldersPanel({ data }: { data: MyData }) {
  return (
    <Panel title="Who holds something about you">
      {data.workspaces.length === 0 && (
        <p>
          Nobody who uses Klosesales holds anything about this number. If somebody called you nevertheless,
          they did not do it with Klosesales, or it is deleted already.
        </p>
      )}
      <ul className={privacy.list}>
        {data.workspaces.map((each) => (
          <li key={each.workspace} className="stack">
            <div>
              <strong>{each.name}</strong>
              <div className="quiet num">{talked(each)}</div>
            </div>
            {each.known_as.map((known) => (
              <dl key={`${known.added_at}-${known.name}`} className={classes.facts}>
                <dt>Name</dt>
                <dd>{known.name || "none"}</dd>
                {known.company && (
                  <>
                    <dt>Company</dt>
                    <dd>{known.company}</dd>
                  </>
                )}
                {known.notes && (
                  <>
                    <dt>Notes</dt>
                    <dd className={classes.words}>{known.notes}</dd>
                  </>
                )}
                <dt>Since</dt>
                <dd className="num">{onDay(known.added_at)}</dd>
              </dl>
            ))}
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function talked(each: MyData["workspaces"][number]): string {
  if (each.calls_made === 0 || each.last_call_at === null) return "Never called you";
  const calls = each.calls_made === 1 ? "1 call" : `${each.calls_made} calls`;
  const text =
    each.texts === 0
      ? "nothing that was said is kept"
      : `${each.texts} ${each.texts === 1 ? "line" : "lines"} of what was said kept as text`;
  return `${calls}, the last on ${onDay(each.last_call_at)}; ${text}`;
}
