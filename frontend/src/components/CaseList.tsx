import type { OwnCase } from "../api/types";
import { onDate, onDay } from "../format/time";
import classes from "./CaseList.module.css";
import { Tag } from "./Tag";

const KIND_WORDS: Record<string, string> = {
  access: "A copy",
  correction: "A correction",
  deletion: "Deletion",
  restriction: "Use nothing of mine",
  objection: "Objection to calls or use",
  opt_out: "No more messages",
  nominee: "A nominee",
  grievance: "A complaint",
};
const OUTCOME_WORDS: Record<Exclude<OwnCase["outcome"], "">, string> = {
  done: "Done",
  refused: "Refused",
  taken_back: "Taken back",
  erased: "Deleted",
};

/** What a person asked for, with the last day for each answer. */
export function CaseList({ cases }: { cases: OwnCase[] }) {
  return (
    <ul className={classes.list}>
      {cases.map((each) => (
        <li key={each.reference}>
          <div className="row">
            <strong>{KIND_WORDS[each.kind] ?? "A request"}</strong>
            <Tag tone={each.outcome === "done" ? "good" : "plain"}>
              {each.outcome ? OUTCOME_WORDS[each.outcome] : "On its way"}
            </Tag>
          </div>
          <div className="quiet num">
            Asked for on {onDay(each.opened_at)}
            {!each.outcome && `; answered by ${onDate(each.due_on)}`} · {each.reference}
          </div>
        </li>
      ))}
    </ul>
  );
}
