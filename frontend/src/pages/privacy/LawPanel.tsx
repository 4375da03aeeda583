import { useQuery } from "@tanstack/react-query";
import { ownLawQuery } from "../../api/privacyQueries";
import type { OwnLaw } from "../../api/types";
import { ProblemNote } from "../../components/Note";
import { Panel } from "../../components/Page";
import { Tag } from "../../components/Tag";
import { Waiting } from "../../components/Waiting";
import classes from "./PrivacyPage.module.css";

const RIGHTS: readonly { kind: OwnLaw["gives"][number]; words: string }[] = [
  { kind: "access", words: "Get a copy of your data" },
  { kind: "correction", words: "Have it put right" },
  { kind: "deletion", words: "Have it deleted" },
  { kind: "restriction", words: "Have it kept and used for nothing" },
  { kind: "objection", words: "Object to a use of it" },
  { kind: "withdrawal", words: "Take back what you agreed to" },
  { kind: "nominee", words: "Name somebody who acts for you" },
  { kind: "grievance", words: "Complain, and get an answer" },
];

/** What the law gives, by the country of the number, and that everything is offered all the same. */
export function LawPanel() {
  const law = useQuery(ownLawQuery);
  return (
    <Panel title="Your rights">
      <p className="quiet">
        You have all of these with us, answered within 30 days, wherever you live. Which of them the law gives
        you as well depends on the country; we go by the country of your number.
      </p>
      <ProblemNote error={law.error} />
      {law.isPending && <Waiting lines={5} what="your rights" />}
      {law.data && (
        <>
          <ul className={classes.list}>
            {RIGHTS.map(({ kind, words }) => (
              <li key={kind} className="row">
                <span>{words}</span>
                {law.data.gives.includes(kind) && <Tag>By law</Tag>}
              </li>
            ))}
          </ul>
          <p className="quiet">
            {law.data.name}: {law.data.law}. {law.data.complaint}
          </p>
        </>
      )}
    </Panel>
  );
}
