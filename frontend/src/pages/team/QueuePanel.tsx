import { useQuery } from "@tanstack/react-query";
import { workersQuery } from "../../api/queueQueries";
import list from "../../components/List.module.css";
import { ProblemNote } from "../../components/Note";
import { Panel } from "../../components/Page";
import { Waiting } from "../../components/Waiting";
import { when } from "../../format/time";
import { filterWords } from "../queue/words";
import classes from "./TeamPage.module.css";

/** Who goes through which leads now. */
export function QueuePanel() {
  const workers = useQuery(workersQuery);
  const now = new Date();
  return (
    <Panel title="In the queue now">
      <ProblemNote error={workers.error} />
      {workers.isPending && <Waiting lines={2} what="who works in the queue" />}
      {workers.data?.length === 0 && (
        <p className="quiet">Nobody. Whoever calls lead after lead on the Queue page stands here.</p>
      )}
      {workers.data && workers.data.length > 0 && (
        <table className={list.table}>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Goes through</th>
              <th scope="col" className={list.minor}>
                Has now
              </th>
              <th scope="col" className={list.right}>
                Called
              </th>
              <th scope="col" className={`${list.right} ${list.minor}`}>
                Skipped
              </th>
            </tr>
          </thead>
          <tbody>
            {workers.data.map((worker) => (
              <tr key={worker.user_id}>
                <td className={classes.name}>
                  {worker.name}
                  <div className={`num ${list.under}`}>Since {when(worker.started_at, now)}</div>
                </td>
                <td>{filterWords(worker)}</td>
                <td className={`${classes.name} ${list.minor}`}>{worker.lead ?? "–"}</td>
                <td className={list.right}>{worker.called}</td>
                <td className={`${list.right} ${list.minor}`}>{worker.skipped}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  );
}
