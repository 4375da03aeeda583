import { useInfiniteQuery } from "@tanstack/react-query";
import { staffEventsQuery } from "../../api/staffQueries";
import type { StaffEvent } from "../../api/types";
import list from "../../components/List.module.css";
import { More } from "../../components/More";
import { ProblemNote } from "../../components/Note";
import { Page, Panel } from "../../components/Page";
import { Waiting } from "../../components/Waiting";
import { when } from "../../format/time";

const WORDS: Record<StaffEvent["kind"], string> = {
  sign_in_failed: "Wrong e-mail, password or code",
  sign_in_refused: "Refused after too many attempts",
  sign_in: "signed in",
  recovery_code_used: "signed in with a recovery code",
  sign_out: "signed out",
  searched: "searched for a workspace",
  added: "was added",
  enrolled: "set up password and app",
  reset: "was reset",
  disabled: "was disabled",
};

/** What happened at the entrance and with the accounts of our own people. */
export function RecordPage() {
  const events = useInfiniteQuery(staffEventsQuery);
  const items = events.data?.pages.flatMap((page) => page.items);
  const now = new Date();
  return (
    <Page title="Record">
      <Panel title="The entrance">
        <p className="quiet">Looks stand on their own page, with the reason and what was opened.</p>
        <ProblemNote error={events.error} />
        {events.isPending && <Waiting lines={6} what="the record" />}
        {items?.length === 0 && <p>Nothing yet.</p>}
        {items && items.length > 0 && (
          <table className={list.table}>
            <thead>
              <tr>
                <th scope="col">When</th>
                <th scope="col">What</th>
                <th scope="col" className={list.minor}>
                  From
                </th>
              </tr>
            </thead>
            <tbody>
              {items.map((event) => (
                <tr key={event.id}>
                  <td className="num">{when(event.at, now)}</td>
                  <td>
                    {event.member && <strong>{event.member} </strong>}
                    {WORDS[event.kind]}
                    {event.by && ` by ${event.by}`}
                  </td>
                  <td className={`num ${list.minor}`}>{event.address ?? ""}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
        <More pages={events} />
      </Panel>
    </Page>
  );
}
