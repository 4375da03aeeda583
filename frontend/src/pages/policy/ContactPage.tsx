import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { contactQuery } from "../../api/policyQueries";
import { ProblemNote } from "../../components/Note";
import { Waiting } from "../../components/Waiting";
import { PolicyFrame } from "./PolicyFrame";
import classes from "./PolicyFrame.module.css";

/** Whom people write to, and who answers when they are not content with the answer. */
export function ContactPage() {
  const contact = useQuery(contactQuery);
  return (
    <PolicyFrame
      title="Contact and complaints"
      intro={
        <>
          <ProblemNote error={contact.error} />
          {contact.isPending && <Waiting lines={4} what="the contacts" />}
        </>
      }
    >
      {contact.data && (
        <>
          <section id="support">
            <h2>Questions, and your rights</h2>
            <dl className={classes.facts}>
              <dt>Write to</dt>
              <dd>
                <a href={`mailto:${contact.data.support_email}`}>{contact.data.support_email}</a>
              </dd>
              <dt>With an account</dt>
              <dd>
                In the <Link to="/privacy">privacy centre</Link>
              </dd>
              <dt>If you were called</dt>
              <dd>
                On <Link to="/my-data">the page about your number</Link>
              </dd>
              <dt>Answered</dt>
              <dd>Within 30 days</dd>
            </dl>
          </section>
          <section id="grievance">
            <h2>Complaints about your personal data</h2>
            <p>
              If you are not content with what we do with your data, or with an answer,{" "}
              {contact.data.officer
                ? "write to who answers for it."
                : "write to us and say that it is a complaint. Who answers for it is not named on this server, as it is only for trying out."}{" "}
              If that does not help, the authority for data protection in your country takes complaints. With
              an account, your privacy centre names it; if you were called, it is the one of where you live.
            </p>
            <dl className={classes.facts}>
              {contact.data.officer && (
                <>
                  <dt>Grievance officer</dt>
                  <dd>{contact.data.officer}</dd>
                </>
              )}
              {(contact.data.officer || contact.data.officer_email !== contact.data.support_email) && (
                <>
                  <dt>Write to</dt>
                  <dd>
                    <a href={`mailto:${contact.data.officer_email}`}>{contact.data.officer_email}</a>
                  </dd>
                </>
              )}
              <dt>Answered</dt>
              <dd>Within 30 days</dd>
            </dl>
          </section>
        </>
      )}
    </PolicyFrame>
  );
}
