import { NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { policyVersionQuery, policyVersionsQuery } from "../../api/policyQueries";
import { useSessionIfAny } from "../../app/useSession";
import { Note, ProblemNote } from "../../components/Note";
import { Waiting } from "../../components/Waiting";
import { onDate } from "../../format/time";
import { PolicyFrame } from "./PolicyFrame";
import classes from "./PolicyFrame.module.css";
import { STATE_WORDS } from "./words";

interface Section {
  number: number;
  heading: string;
  texts: { id: string; text: string }[];
}

type Clause = { id: string; section: number; heading: string; text: string };

function inSections(clauses: readonly Clause[]): Section[] {
  const sections = new Map<number, Section>();
  for (const { id, section, heading, text } of clauses) {
    const held = sections.get(section) ?? { number: section, heading, texts: [] };
    held.texts.push({ id, text });
    sections.set(section, held);
  }
  return [...sections.values()];
}

const title = ({ number, heading }: Section): string => (number > 0 ? `${number}. ${heading}` : heading);

/** The policy in force, or another version of it, for everybody. */
export function PolicyPage() {
  const { version } = useSearch({ from: "/open/policy" });
  const policy = useQuery(policyVersionQuery(version));
  const shown = policy.data;
  const sections = inSections(shown?.clauses ?? []);
  return (
    <PolicyFrame
      title="Privacy policy"
      jumps={sections.map((section) => ({ href: `#section-${section.number}`, label: title(section) }))}
      intro={
        <>
          {shown && (
            <p className="quiet">
              Version {shown.version}, {STATE_WORDS[shown.state]} {onDate(shown.effective_on)}
            </p>
          )}
          <VersionChoice shown={shown?.version} />
          {shown && shown.state !== "in_force" && (
            <Note tone="warn">
              {shown.state === "coming"
                ? `This version takes effect on ${onDate(shown.effective_on)}. `
                : "This version is no longer in force. "}
              <Link to="/policy">Read the one in force</Link>
            </Note>
          )}
          <ProblemNote error={policy.error} />
          {policy.isPending && <Waiting lines={8} what="the policy" />}
        </>
      }
    >
      {sections.map((section) => (
        <section key={section.number} id={`section-${section.number}`}>
          <h2>{title(section)}</h2>
          {section.texts.map(({ id, text }) => (
            <p key={id} id={id}>
              {text}
            </p>
          ))}
        </section>
      ))}
      {shown && <p className={`quiet ${classes.hash}`}>SHA-256 of this wording: {shown.text_hash}</p>}
    </PolicyFrame>
  );
}

/** Which version is read; nothing while there is but one. */
function VersionChoice({ shown }: { shown: string | undefined }) {
  const session = useSessionIfAny();
  // A look reads the one in force and does not ask for the others.
  const versions = useQuery({ ...policyVersionsQuery, enabled: !session.isLoading && !session.data?.look });
  const navigate = useNavigate({ from: "/policy" });
  const items = versions.data?.items ?? [];
  if (items.length < 2 || shown === undefined) return <ProblemNote error={versions.error} />;
  return (
    <div className={classes.choice}>
      <NativeSelect
        label="Version"
        value={shown}
        onChange={(event) => void navigate({ search: { version: event.currentTarget.value } })}
        data={items.map((each) => ({
          value: each.version,
          label: `${each.version}, ${STATE_WORDS[each.state]} ${onDate(each.effective_on)}`,
        }))}
      />
      <Link to="/policy/changes" search={{ version: shown }}>
        What this version changed
      </Link>
    </div>
  );
}
