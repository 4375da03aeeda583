import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { burnDownQuery } from "../../api/creditQueries";
import type { BurnDay } from "../../api/types";
import list from "../../components/List.module.css";
import { ProblemNote } from "../../components/Note";
import { Panel } from "../../components/Page";
import { Waiting } from "../../components/Waiting";
import { creditNumber } from "../../format/credits";
import { onDay } from "../../format/time";
import classes from "./BurnPanel.module.css";
import { paceWords, RANGES, type Range } from "./burn";

const BurnChart = lazy(() => import("./BurnChart").then((module) => ({ default: module.BurnChart })));

/** The balance over the last days, as a line and as a table, and how long it lasts at this pace. */
export function BurnPanel() {
  const [range, setRange] = useState<Range>(30);
  const burn = useQuery(burnDownQuery(range));
  return (
    <Panel
      title="Balance over time"
      aside={
        <fieldset className={classes.ranges}>
          <legend className="visually-hidden">Days shown</legend>
          {RANGES.map((days) => (
            <Button
              key={days}
              size="compact-sm"
              variant={days === range ? "light" : "subtle"}
              aria-pressed={days === range}
              onClick={() => setRange(days)}
            >
              {days} days
            </Button>
          ))}
        </fieldset>
      }
    >
      <ProblemNote error={burn.error} />
      {!burn.data && !burn.error && <Waiting lines={6} what="the balance over time" />}
      {burn.data && (
        <>
          <p className="num">{paceWords(burn.data)}</p>
          <Suspense fallback={<div className={classes.room} />}>
            <BurnChart days={burn.data.days} />
          </Suspense>
          <DaysTable days={burn.data.days} />
        </>
      )}
    </Panel>
  );
}

function DaysTable({ days }: { days: readonly BurnDay[] }) {
  return (
    <details className={classes.details}>
      <summary>Show as a table</summary>
      <table className={list.table}>
        <thead>
          <tr>
            <th scope="col">Day</th>
            <th scope="col" className={list.right}>
              Spent
            </th>
            <th scope="col" className={list.right}>
              Bought
            </th>
            <th scope="col" className={list.right}>
              Balance at its end
            </th>
          </tr>
        </thead>
        <tbody>
          {days.toReversed().map((day) => (
            <tr key={day.day}>
              <th scope="row" className={classes.day}>
                {onDay(day.day)}
              </th>
              <td className={list.right}>{creditNumber(day.spent_mcredits)}</td>
              <td className={list.right}>{creditNumber(day.bought_mcredits)}</td>
              <td className={list.right}>{creditNumber(day.balance_mcredits)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}
