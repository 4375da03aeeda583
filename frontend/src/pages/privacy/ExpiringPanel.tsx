import { useQuery } from "@tanstack/react-query";
import { expiringQuery } from "../../api/privacyQueries";
import list from "../../components/List.module.css";
import { ProblemNote } from "../../components/Note";
import { Panel } from "../../components/Page";
import { Waiting } from "../../components/Waiting";
import { onDay } from "../../format/time";

/** What of the workspace is removed next, because its term is over; for its owner. */
export function ExpiringPanel() {
  const expiring = useQuery(expiringQuery);
  const found = expiring.data;
  return (
    <Panel title="What is deleted next">
      <ProblemNote error={expiring.error} />
      {expiring.isPending && <Waiting lines={3} what="what is deleted next" />}
      {found && (
        <p className="quiet">
          What your workspace has kept for its full term is deleted by itself. These days are in UTC
          {found.items.length === 0 && `; in the next ${found.days} days nothing comes to its end`}.
        </p>
      )}
      {found && found.items.length > 0 && (
        <div className={list.scroll}>
          <table className={list.table}>
            <thead>
              <tr>
                <th scope="col">Day</th>
                <th scope="col">What</th>
                <th scope="col" className={list.right}>
                  How many
                </th>
              </tr>
            </thead>
            <tbody>
              {found.items.map((item) => (
                <tr key={`${item.on}-${item.element}`}>
                  <td className="num">{onDay(item.on)}</td>
                  <td>{item.title}</td>
                  <td className={list.right}>{item.count}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}
