import { type ReactNode, useEffect, useMemo, useState } from "react";
import type { ImportProgress, RejectedRow } from "../../api/importLeads";
import list from "../../components/List.module.css";
import { Note } from "../../components/Note";
import classes from "./ImportDialog.module.css";
import { rejectReport } from "./rejectReport";

const SHOWN = 50;

/** Codes of rows that are no fault of the file: the lead is there. */
const TWICE = "duplicate";
const KNOWN = "already_known";

/** What became of the rows, and why those were not added that were not. */
export function ImportResult({ progress }: { progress: ImportProgress }) {
  const {
    read,
    added,
    rejected,
    rejected_rows: rows,
    ignored,
    stopped_at_line: stoppedAt,
    assumed,
  } = progress;
  const [known, faulty] = useMemo(() => {
    const isKnown = (row: RejectedRow) => row.code === TWICE || row.code === KNOWN;
    return [rows.filter(isKnown), rows.filter((row) => !isKnown(row))];
  }, [rows]);
  if (read === 0) {
    return (
      <Note tone="warn" role="status">
        There is no row below the headings. Nothing was added.
      </Note>
    );
  }
  const twice = known.filter((row) => row.code === TWICE).length;
  const before = known.length - twice;
  return (
    <>
      <Note tone={rejected > 0 ? "warn" : "good"} role="status">
        <span className="num">
          {leads(added)} added.
          {before > 0 && ` ${count(before)} ${before === 1 ? "was" : "were"} there already.`}
          {twice > 0 &&
            ` ${count(twice)} ${twice === 1 ? "repeats" : "repeat"} the number of an earlier line.`}
          {rejected > 0 && ` ${count(rejected)} ${rejected === 1 ? "row was" : "rows were"} rejected.`}
        </span>
      </Note>
      {stoppedAt !== null && (
        <Note tone="bad" role="alert">
          Reading stopped at line {count(stoppedAt)}: nothing from there on was read.
        </Note>
      )}
      {assumed !== null && (
        <Note tone="warn">
          The file is not in UTF-8: line {count(assumed.line)} was read as “{assumed.word}”. If that is not
          what it says, correct these leads, or remove them and import the table again as CSV in UTF-8.
        </Note>
      )}
      {ignored.length > 0 && <p className="quiet">Columns that are not imported: {ignored.join(", ")}.</p>}
      {rejected > 0 && (
        <NotAdded rows={faulty} file="rows-rejected.csv">
          , mend those lines, and import the file again: what is there already stays as it is.
        </NotAdded>
      )}
      {known.length > 0 && (
        <details>
          <summary>Lines that were not needed: {count(known.length)}</summary>
          <div className={`stack ${classes.more}`}>
            <NotAdded rows={known} file="rows-not-needed.csv">
              . Nothing has to be done about them.
            </NotAdded>
          </div>
        </details>
      )}
    </>
  );
}

function NotAdded({ rows, file, children }: { rows: RejectedRow[]; file: string; children: ReactNode }) {
  const [report, setReport] = useState<string>();
  useEffect(() => {
    const url = URL.createObjectURL(new Blob([rejectReport(rows)], { type: "text/csv" }));
    setReport(url);
    return () => URL.revokeObjectURL(url);
  }, [rows]);
  return (
    <>
      <div className={classes.rows}>
        <table className={list.table}>
          <thead>
            <tr>
              <th scope="col" className={list.right}>
                Line
              </th>
              <th scope="col">Column</th>
              <th scope="col">Reason</th>
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, SHOWN).map((row) => (
              <tr key={`${row.line}-${row.code}`}>
                <td className={list.right}>{row.line}</td>
                <td>{row.column || "–"}</td>
                <td>{row.message}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p className="quiet">
        {rows.length > SHOWN && `The first ${SHOWN} of ${count(rows.length)} are shown. `}
        <a href={report} download={file}>
          Download the list
        </a>
        {children}
      </p>
    </>
  );
}

const count = (number: number): string => number.toLocaleString("en");
const leads = (number: number): string => `${count(number)} ${number === 1 ? "lead" : "leads"}`;
