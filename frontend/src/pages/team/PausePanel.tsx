import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { answer, api } from "../../api/client";
import { keys } from "../../api/keys";
import { asProblem } from "../../api/problem";
import { dialPauseQuery } from "../../api/queries";
import { endWords } from "../../calls/status";
import list from "../../components/List.module.css";
import { Note, ProblemNote } from "../../components/Note";
import { Panel } from "../../components/Page";
import { when } from "../../format/time";
import classes from "./TeamPage.module.css";

const CAUSES = {
  failures: "Too many calls could not be put through.",
  complaints: "Too many people asked not to be called.",
};
const ADVICE = {
  failures: "Look at the numbers and at the carrier's account before you go on.",
  complaints:
    "Look at whom you call and how before you go on: carriers mark a number as a nuisance for less.",
};

/** Why nobody of the team may dial, and the way on; nothing while calling goes on. */
export function PausePanel() {
  const client = useQueryClient();
  const { data: pause, error } = useQuery(dialPauseQuery);
  const resume = useMutation({
    mutationFn: () => answer(api.DELETE("/api/dial-pause")),
    onSettled: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: keys.dialPause }),
        client.invalidateQueries({ queryKey: keys.leads.dialChecks }),
        client.invalidateQueries({ queryKey: keys.activity }),
      ]),
  });
  if (error) return <ProblemNote error={error} />;
  if (!pause) return null;
  const now = new Date();
  return (
    <Panel title="Calling is paused">
      <Note
        tone="warn"
        role="status"
        action={
          pause.may_resume && (
            <Button size="compact-sm" onClick={() => resume.mutate()} loading={resume.isPending}>
              Go on calling
            </Button>
          )
        }
      >
        {CAUSES[pause.cause]} Since {when(pause.paused_at, now)} nobody of the team can dial.
      </Note>
      <p className="quiet">{ADVICE[pause.cause]}</p>
      {asProblem(resume.error)?.code !== "not_paused" && <ProblemNote error={resume.error} />}
      {pause.calls.length > 0 && (
        <table className={list.table}>
          <thead>
            <tr>
              <th scope="col">Lead</th>
              <th scope="col">What happened</th>
              <th scope="col" className={list.minor}>
                When
              </th>
            </tr>
          </thead>
          <tbody>
            {pause.calls.map((call) => (
              <tr key={call.id}>
                <td className={classes.name}>
                  <Link to="/calls/$callId" params={{ callId: call.id }}>
                    {call.lead}
                  </Link>
                </td>
                <td>
                  {pause.cause === "complaints"
                    ? "Asked not to be called."
                    : endWords({ end_reason: call.end_reason, ended_by: null })}
                </td>
                <td className={`num ${list.minor}`}>{call.ended_at && when(call.ended_at, now)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  );
}
