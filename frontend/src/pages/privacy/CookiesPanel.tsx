import { useQuery } from "@tanstack/react-query";
import { dataKindsQuery } from "../../api/policyQueries";
import { ProblemNote } from "../../components/Note";
import { Panel } from "../../components/Page";
import { Waiting } from "../../components/Waiting";
import classes from "./PrivacyPage.module.css";

/** What the person's browser keeps for us; nothing of it can be chosen, because nothing is there that could be left out. */
export function CookiesPanel() {
  const kinds = useQuery(dataKindsQuery);
  const mine = kinds.data?.cookies.filter((cookie) => cookie.audience === "everybody") ?? [];
  return (
    <Panel title="Cookies" aside={<a href="/policy/data#cookies">All that there are</a>}>
      <p className="quiet">
        Your browser keeps these for us and nothing else. None is for analytics or advertising, so there is
        nothing to choose; without them nobody can stay signed in.
      </p>
      <ProblemNote error={kinds.error} />
      {kinds.isPending && <Waiting lines={3} what="cookies" />}
      <ul className={classes.list}>
        {mine.map((cookie) => (
          <li key={cookie.name}>
            <span className="num">{cookie.name}</span>
            <div className={`quiet ${classes.why}`}>
              {cookie.purpose} Until: {cookie.until}.
            </div>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
