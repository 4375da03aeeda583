import { NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { policyChangesQuery, policyVersionsQuery } from "../../api/policyQueries";
import { Empty } from "../../components/Empty";
import { Note, ProblemNote } from "../../components/Note";
import { Tag, type Tone } from "../../components/Tag";
import { Waiting } from "../../components/Waiting";
import { onDate } from "../../format/time";
import { PolicyFrame } from "./PolicyFrame";
import classes from "./PolicyFrame.module.css";
import { STATE_WORDS } from "./words";

type Kind = "added" | "removed" | "changed";
const KIND_WORDS: Record<Kind, { label: string; tone: Tone }> = {
  added: { label: "New", tone: "good" },
  removed: { label: "Removed", tone: "bad" },
  changed: { label: "Changed", tone: "accent" },
};

/** What a version of the policy changed against an older one, word by word. */
export function ChangesPage() {
  const { version, since } = useSearch({ from: "/open/policy/changes" });
  const changes = useQuery(policyChangesQuery({ version, since }));
  const found = changes.data;
  return (
    <PolicyFrame title="What changed in the privacy policy">
      <ProblemNote error={changes.error} />
      {changes.isPending && <Waiting lines={6} what="the changes" />}
      {found && !found.before && (
        <Empty title={`Version ${found.after.version} is the first`}>
          Nothing has changed yet. When it does, you are told before it takes effect, and every change can be
          read here word by word. <Link to="/policy">Read the policy</Link>
        </Empty>
      )}
      {found?.before && (
        <>
          <Choice after={found.after.version} before={found.before.version} />
          <Note tone={found.after.state === "coming" ? "warn" : "plain"}>
            Version {found.after.version} {found.after.state === "coming" ? "" : "is "}
            {STATE_WORDS[found.after.state]} {onDate(found.after.effective_on)}. {found.after.summary}
          </Note>
          {found.items.length === 0 && <p>No clause differs between these two versions.</p>}
          {found.items.map((change) => (
            <section
              key={change.id}
              className={classes.change}
              aria-label={`${change.heading}, ${change.id}`}
            >
              <div className={classes.changeHead}>
                <h2>{change.section > 0 ? `${change.section}. ${change.heading}` : change.heading}</h2>
                <Tag tone={KIND_WORDS[change.kind].tone}>{KIND_WORDS[change.kind].label}</Tag>
              </div>
              <p>
                {change.pieces.map((piece, place) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of a text never change places.
                  <Words key={place} kind={piece.kind} text={piece.text.trimEnd()} />
                ))}
              </p>
            </section>
          ))}
        </>
      )}
    </PolicyFrame>
  );
}

/** A run of words and the space behind it, which is neither new nor gone. */
function Words({ kind, text }: { kind: "same" | "new" | "gone"; text: string }) {
  return <>{kind === "new" ? <ins>{text}</ins> : kind === "gone" ? <del>{text}</del> : text} </>;
}

function Choice({ after, before }: { after: string; before: string }) {
  const versions = useQuery(policyVersionsQuery);
  const navigate = useNavigate({ from: "/policy/changes" });
  const items = versions.data?.items ?? [];
  const place = items.findIndex((each) => each.version === after);
  if (items.length < 3 || place < 0) return <ProblemNote error={versions.error} />;
  const options = (of: typeof items) => of.map(({ version }) => ({ value: version, label: version }));
  return (
    <div className={classes.choice}>
      <NativeSelect
        label="Version"
        value={after}
        onChange={(event) => void navigate({ search: { version: event.currentTarget.value } })}
        data={options(items.slice(0, -1))}
      />
      <NativeSelect
        label="Compared with"
        value={before}
        onChange={(event) => void navigate({ search: { version: after, since: event.currentTarget.value } })}
        data={options(items.slice(place + 1))}
      />
    </div>
  );
}
