import { useQuery } from "@tanstack/react-query";
import { dataKindsQuery } from "../../api/policyQueries";
import { ProblemNote } from "../../components/Note";
import { Waiting } from "../../components/Waiting";
import { PolicyFrame } from "./PolicyFrame";
import classes from "./PolicyFrame.module.css";

/** Every kind of data that the product keeps, from the list that the software is checked against. */
export function DataPage() {
  const kinds = useQuery(dataKindsQuery);
  const { items, cookies } = kinds.data ?? { items: [], cookies: [] };
  return (
    <PolicyFrame
      title="What is kept"
      jumps={[
        ...items.map((kind) => ({ href: `#${kind.element}`, label: kind.title })),
        ...(cookies.length > 0 ? [{ href: "#cookies", label: "Cookies" }] : []),
      ]}
      intro={
        <>
          <p className="quiet">
            This page is made from the list that our software is checked against: what is not on it, is not
            stored.
          </p>
          {kinds.data && (
            <p className="quiet">
              What its term ends, or what you remove or put right, can be read by nobody from then on. The
              last bytes of it leave the files of our database within {kinds.data.bytes_gone_after_days} days,
              and our backups within 21.
            </p>
          )}
          <ProblemNote error={kinds.error} />
          {kinds.isPending && <Waiting lines={8} what="what is kept" />}
        </>
      }
    >
      {items.map((kind) => (
        <section key={kind.element} id={kind.element}>
          <h2>{kind.title}</h2>
          <dl className={classes.facts}>
            <dt>From</dt>
            <dd>{kind.source}</dd>
            <dt>What for</dt>
            <dd>{kind.purpose}</dd>
            <dt>Basis</dt>
            <dd>{kind.basis}</dd>
            <dt>Kept</dt>
            <dd>{kind.retention}</dd>
            <dt>Erased</dt>
            <dd>{kind.erasure}</dd>
            <dt>Received by</dt>
            <dd>{kind.recipients.length > 0 ? kind.recipients.join(", ") : "Nobody outside our server"}</dd>
            {kind.stays && (
              <>
                <dt>Stays</dt>
                <dd>{kind.stays}</dd>
              </>
            )}
          </dl>
        </section>
      ))}
      {cookies.length > 0 && (
        <section id="cookies">
          <h2>Cookies</h2>
          <p className="quiet">
            All are needed for what they are there for; none is for analytics or advertising, and nothing else
            is kept in your browser.
          </p>
          {cookies.map((cookie) => (
            <dl key={cookie.name} className={classes.facts}>
              <dt>Name</dt>
              <dd>{cookie.name}</dd>
              <dt>What for</dt>
              <dd>{cookie.purpose}</dd>
              <dt>For</dt>
              <dd>{cookie.audience}</dd>
              <dt>Until</dt>
              <dd>{cookie.until}</dd>
            </dl>
          ))}
        </section>
      )}
    </PolicyFrame>
  );
}
