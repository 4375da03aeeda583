import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { processorsQuery } from "../../api/policyQueries";
import type { DataClass } from "../../api/types";
import { ProblemNote } from "../../components/Note";
import { Waiting } from "../../components/Waiting";
import { PolicyFrame } from "./PolicyFrame";
import classes from "./PolicyFrame.module.css";

/** Rendered from the register that decides what may leave the server. */
export function RecipientsPage() {
  const processors = useQuery(processorsQuery);
  const items = processors.data?.items ?? [];
  return (
    <PolicyFrame
      title="Who receives what"
      jumps={items.map((each) => ({ href: `#${each.key}`, label: each.name }))}
      intro={
        <>
          <p className="quiet">
            This list is closed. Our software refuses to send anything to anybody else, and reports the
            attempt. Who received what about you stands in your <Link to="/privacy">privacy centre</Link>.
          </p>
          {processors.data?.server_country && (
            <p>Our own server stands in {processors.data.server_country}.</p>
          )}
          <ProblemNote error={processors.error} />
          {processors.isPending && <Waiting lines={8} what="the recipients" />}
        </>
      }
    >
      {items.map((each) => (
        <section key={each.key} id={each.key}>
          <h2>{each.name}</h2>
          <dl className={classes.facts}>
            <dt>What for</dt>
            <dd>{each.purpose}</dd>
            <dt>Country</dt>
            <dd>{each.country}</dd>
            <dt>Receives from us</dt>
            <dd>{each.receives.length === 0 ? "Nothing by itself" : <Classes items={each.receives} />}</dd>
            {each.directly.length > 0 && (
              <>
                <dt>Gets from your browser or phone itself, where you use it</dt>
                <dd>
                  <Classes items={each.directly} />
                </dd>
              </>
            )}
            <dt>Policy</dt>
            <dd>
              <Link to="/policy" hash={each.clause}>
                Clause {each.clause}
              </Link>
              {each.privacy_url && (
                <>
                  ;{" "}
                  <a href={each.privacy_url} rel="noreferrer noopener" target="_blank">
                    their own policy
                  </a>
                </>
              )}
            </dd>
          </dl>
        </section>
      ))}
    </PolicyFrame>
  );
}

function Classes({ items }: { items: DataClass[] }) {
  return (
    <ul>
      {items.map((item) => (
        <li key={item.key}>{item.title}</li>
      ))}
    </ul>
  );
}
