import { useEffect, useState } from "react";
import type { ImportProgress, RejectedRow } from "../../api/importLeads";
import list from "../../components/List.module.css";
import { Note } from "../../components/Note";
import classes from "./ImportDialog.module.css";
import { rejectReport } from "./rejectReport";

const SHOWN = 50;

/** What became of the rows, and what is wrong with those that were not added. */
export function ImportResult({ progress }: { progress: ImportProgress }) {
  const { read, added, known, rejected, rejected_rows: rows, ignored, stopped_at_line: stoppedAt } = progress;
  if (read === 0) {
    return (
      <Note tone="warn" role="status">
        There is no row below the headings. Nothing was added.
      </Note>
    );
  }
  return (
    <>
      <Note tone={rejected > 0 ? "warn" : "good"} role="status">
        <span className="num">
          {leads(added)} added.
          {known > 0 && ` ${count(known)} ${known === 1 ? "was" : "were"} there already.`}
          {rejected > 0 && ` ${count(rejected)} ${rejected === 1 ? "row was" : "rows were"} not added.`}
        </span>
      </Note>
      {stoppedAt !== null && (
        <Note tone="bad" role="alert">
          Reading stopped at line {count(stoppedAt)}: nothing from there on was read.
        </Note>
      )}
      {ignored.length > 0 && <p className="quiet">Columns that are not imported: {ignored.join(", ")}.</p>}
      {rows.length > 0 && <Rejected rows={rows} />}
    </>
  );
}

function Rejected({ rows }: { rows: RejectedRow[] }) {
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
        <a href={report} download="rows-not-added.csv">
          Download the list
        </a>
        , mend those lines, and import the file again: what is there already stays as it is.
      </p>
    </>
  );
}

const count = (number: number): string => number.toLocaleString("en");
const leads = (number: number): string => `${count(number)} ${number === 1 ? "lead" : "leads"}`;
