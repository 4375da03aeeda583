import { useQuery } from "@tanstack/react-query";
import { answer, api } from "../../api/client";
import { policyQuery } from "../../api/queries";
import { ProblemNote } from "../../components/Note";
import { useTitle } from "../../components/Page";
import { Waiting } from "../../components/Waiting";
import { onDate } from "../../format/time";
import classes from "./PolicyPage.module.css";

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

/** The policy in force, for everybody. */
export function PolicyPage() {
  useTitle("Privacy policy");
  const policy = useQuery(policyQuery);
  const sections = inSections(policy.data?.clauses ?? []);
  return (
    <div className={classes.frame}>
      <header className={classes.head}>
        <a href="/" className={classes.brand}>
          <img src="/mark.svg" alt="" width={20} height={20} />
          Klosesales
        </a>
        <h1>Privacy policy</h1>
        {policy.data && (
          <p className="quiet">
            Version {policy.data.version}, in force since {onDate(policy.data.effective_on)}
          </p>
        )}
        <ProblemNote error={policy.error} />
        {policy.isPending && <Waiting lines={8} what="the policy" />}
      </header>
      {policy.data && (
        <>
          <nav className={classes.jump} aria-label="Jump to section">
            <strong>Jump to section</strong>
            <ol>
              {sections.map((section) => (
                <li key={section.number}>
                  <a href={`#section-${section.number}`}>{title(section)}</a>
                </li>
              ))}
              <li>
                <a href="#recipients">Who receives what</a>
              </li>
            </ol>
          </nav>
          <main className={classes.text}>
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
            <Recipients />
            <p className={`quiet ${classes.hash}`}>SHA-256 of this wording: {policy.data.text_hash}</p>
          </main>
        </>
      )}
    </div>
  );
}

/** Rendered from the register that decides what may leave the server. */
function Recipients() {
  const processors = useQuery({
    queryKey: ["processors"],
    queryFn: ({ signal }) => answer(api.GET("/api/processors", { signal })),
    staleTime: 5 * 60_000,
  });
  return (
    <section id="recipients">
      <h2>Who receives what</h2>
      <ProblemNote error={processors.error} />
      {processors.data?.items.map((each) => (
        <p key={each.key}>
          <strong>{each.name}</strong> ({each.country}). {each.purpose} Receives:{" "}
          {each.receives.map((item) => item.title.toLowerCase()).join(", ") || "nothing from us by itself"}.{" "}
          {each.privacy_url && (
            <a href={each.privacy_url} rel="noreferrer noopener" target="_blank">
              Their privacy policy
            </a>
          )}
        </p>
      ))}
    </section>
  );
}
