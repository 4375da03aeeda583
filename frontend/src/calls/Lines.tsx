import { memo } from "react";
import type { Segment, Speaker } from "../api/types";
import { clockMs } from "../format/time";
import type { Transcript as Text } from "../live/transcript";
import { CorrectedMark, CorrectionField } from "./Correction";
import { overlaps } from "./doubt";
import type { Edit } from "./edit";
import { missingWords, type Whole, wholeOf } from "./gaps";
import { guessedPx, type Line, type Unsettled } from "./stretches";
import classes from "./Transcript.module.css";
import type { Editing } from "./useEditing";
import { Words } from "./Words";

interface LinesProps {
  lines: readonly Line[];
  /** What was said right before them. */
  before: Line | undefined;
  /** Where sound is missing in them or near them. */
  gaps: readonly Segment[];
  /** Of a line it is known when it comes, and does not change. */
  again: Text["again"];
  names: Record<Speaker, string>;
  chosenId: string | undefined;
  /** What is being put right, when it is one of these lines. */
  edit: Edit | null;
  editing: Editing | undefined;
}

/** A stretch of the text, which the browser lays out only when it comes near. */
export const Lines = memo(function Lines(props: LinesProps) {
  const { lines, before, gaps, again, names, chosenId, edit, editing } = props;
  return (
    <div className={classes.stretch} style={{ containIntrinsicBlockSize: `auto ${guessedPx(lines)}px` }}>
      {lines.map((line, position) => {
        const previous = position > 0 ? lines[position - 1] : before;
        const turn = previous?.speaker !== line.speaker;
        if (line.kind === "interim") {
          return <InterimLine key={line.speaker} name={names[line.speaker]} turn={turn} interim={line} />;
        }
        return (
          <SettledLine
            key={line.id}
            segment={line}
            name={line.speaker && names[line.speaker]}
            turn={turn}
            overlap={overlaps(line, previous)}
            {...wholeOf(line, gaps)}
            again={again.has(line.id)}
            chosen={chosenId === line.id}
            edit={edit?.segment.id === line.id ? edit : null}
            editing={editing}
          />
        );
      })}
    </div>
  );
}, sameLines);

function sameLines(a: LinesProps, b: LinesProps): boolean {
  return (
    a.before === b.before &&
    a.names === b.names &&
    a.chosenId === b.chosenId &&
    a.edit === b.edit &&
    a.editing === b.editing &&
    same(a.gaps, b.gaps) &&
    same(a.lines, b.lines)
  );
}

function same(a: readonly Line[], b: readonly Line[]): boolean {
  return a.length === b.length && a.every((line, position) => line === b[position]);
}

interface LineProps extends Whole {
  segment: Segment;
  name: string | null;
  turn: boolean;
  /** The other one was still speaking. */
  overlap: boolean;
  /** What it says stood here before in other lines: it is not read out a second time. */
  again: boolean;
  chosen: boolean;
  edit: Edit | null;
  editing: Editing | undefined;
}

const SettledLine = memo(function SettledLine(props: LineProps) {
  const { segment, name, turn, overlap, fromMs, toMs, again, chosen, edit, editing } = props;
  if (segment.kind === "gap" || segment.speaker === null) {
    return (
      <div
        className={`${classes.gap} ${chosen ? classes.chosen : ""}`}
        id={`segment-${segment.id}`}
        tabIndex={chosen ? -1 : undefined}
      >
        {missingWords(segment)}
      </div>
    );
  }
  const look = [
    classes.line,
    classes[segment.speaker],
    turn && classes.turn,
    chosen && classes.chosen,
    editing && !edit && classes.correctable,
  ];
  return (
    <div
      className={look.filter(Boolean).join(" ")}
      id={`segment-${segment.id}`}
      data-speaker={segment.speaker}
      aria-live={again ? "off" : undefined}
      tabIndex={chosen ? -1 : undefined}
    >
      <span className={classes.time}>{clockMs(segment.start_ms)}</span>
      <div className={classes.said}>
        {turn ? (
          <span className={classes.name}>
            {name} {overlap && <span className={classes.overlap}>at the same time</span>}
          </span>
        ) : (
          <span className="visually-hidden">{name}: </span>
        )}
        {edit && editing ? (
          <CorrectionField edit={edit} editing={editing} />
        ) : (
          <span>
            <Words segment={segment} fromMs={fromMs} toMs={toMs} />
          </span>
        )}
        {editing && !edit && (
          // Only the chosen line's is reached by Tab: an hour's text would be a thousand stops. Its name is short, since it is read out
          // with each line that comes.
          <button
            type="button"
            className={classes.correct}
            tabIndex={chosen ? 0 : -1}
            title={chosen ? "Key E" : undefined}
            aria-label="Edit line"
            onClick={() => editing.begin(segment)}
          >
            Edit
          </button>
        )}
        {segment.correction && !edit && <CorrectedMark segment={segment} correction={segment.correction} />}
      </div>
    </div>
  );
});

/** Text that still changes is not read out; it is once it has settled. */
function InterimLine({ name, turn, interim }: { name: string; turn: boolean; interim: Unsettled }) {
  const look = [classes.line, classes[interim.speaker], classes.interim, turn && classes.turn];
  return (
    <div className={look.filter(Boolean).join(" ")} data-interim={interim.speaker} aria-hidden="true">
      <span className={classes.time}>{clockMs(interim.start_ms)}</span>
      <div className={classes.said}>
        {turn && <span className={classes.name}>{name}</span>}
        <span className={classes.words}>{interim.text}</span>
      </div>
    </div>
  );
}
