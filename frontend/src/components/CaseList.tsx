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
  withdrawal: "A consent taken back",
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

/** Where a case stands; who takes back that a consent was taken back, has given it again. */
function stateWords({ kind, outcome }: OwnCase): string {
  if (kind === "withdrawal" && outcome === "taken_back") return "Given again";
  return outcome ? OUTCOME_WORDS[outcome] : "On its way";
}

/** What a person asked for, with the last day for each answer. */
export function CaseList({ cases }: { cases: OwnCase[] }) {
  return (
    <ul className={classes.list}>
      {cases.map((each) => (
        <li key={each.reference}>
          <div className="row">
            <strong>{KIND_WORDS[each.kind] ?? "A request"}</strong>
            <Tag tone={each.outcome === "done" ? "good" : "plain"}>{stateWords(each)}</Tag>
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
