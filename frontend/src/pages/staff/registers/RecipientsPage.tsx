import { useQuery } from "@tanstack/react-query";
import { recipientsQuery } from "../../../api/deskQueries";
import type { Recipients } from "../../../api/types";
import list from "../../../components/List.module.css";
import { ProblemNote } from "../../../components/Note";
import { Page, Panel } from "../../../components/Page";
import { Waiting } from "../../../components/Waiting";
import { onDate, onDay, when } from "../../../format/time";
import classes from "../Staff.module.css";
import { FindDisclosures } from "./FindDisclosures";

/** The closed list of recipients, what they were told lately, and what was kept from leaving. */
export function RecipientsPage() {
  const recipients = useQuery(recipientsQuery);
  return (
    <Page title="Recipients">
      <FindDisclosures />
      <Panel title="The closed list">
        <p className="quiet">
          Nobody else receives anything. Another recipient needs a version of the policy that names it, and
          people who were told of it before.
        </p>
        <ProblemNote error={recipients.error} />
        {recipients.isPending && <Waiting lines={6} what="the recipients" />}
        {recipients.data && <ListOfAll items={recipients.data.items} />}
      </Panel>
      {recipients.data && <Told told={recipients.data.told} />}
      {recipients.data && <Blocked blocked={recipients.data.blocked} />}
    </Page>
  );
}

function ListOfAll({ items }: { items: Recipients["items"] }) {
  return (
    <table className={list.table}>
      <thead>
        <tr>
          <th scope="col">Recipient and purpose</th>
          <th scope="col" className={list.minor}>
            May receive
          </th>
          <th scope="col">Told in 30 days</th>
        </tr>
      </thead>
      <tbody>
        {items.map(({ recipient, times, last_on }) => (
          <tr key={recipient.key}>
            <td className={classes.wide}>
              <strong>{recipient.name}</strong>
              <div>{recipient.purpose}</div>
              <div className={list.under}>
                {recipient.country} · {recipient.clause}
                {recipient.hosts.length > 0 && ` · ${recipient.hosts.join(", ")}`}
              </div>
            </td>
            <td className={`${list.minor} ${classes.wide}`}>
              {recipient.receives.length > 0
                ? recipient.receives.map((each) => each.title).join(", ")
                : "Nothing by itself"}
              {recipient.directly.length > 0 && (
                <div className={list.under}>
                  From browsers and phones themselves:{" "}
                  {recipient.directly.map((each) => each.title).join(", ")}
                </div>
              )}
            </td>
            <td className="num">
              {times === null
                ? "Of fewer than 5 people"
                : times === 0
                  ? "Not once"
                  : `${times} ${times === 1 ? "time" : "times"}`}
              {last_on && <div className={list.under}>last {onDay(last_on)}</div>}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Versions of the policy bind whom they were told to: on the page if the mail came back. */
function Told({ told }: { told: Recipients["told"] }) {
  return (
    <Panel title="Who was told of the policy's versions">
      {told.length === 0 && (
        <p className="quiet">There is one version only, which nobody had to be told of.</p>
      )}
      {told.length > 0 && (
        <table className={list.table}>
          <thead>
            <tr>
              <th scope="col">Version</th>
              <th scope="col">By mail</th>
              <th scope="col">Mail came back</th>
              <th scope="col">On the page</th>
            </tr>
          </thead>
          <tbody>
            {told.map((each) => (
              <tr key={each.version}>
                <td className={classes.wide}>
                  <strong>{each.version}</strong>
                  <div className={list.under}>from {onDate(each.effective_on)}</div>
                </td>
                <td className="num">
                  {each.by_mail}
                  {each.waiting > 0 && <div className={list.under}>{each.waiting} to be sent</div>}
                </td>
                <td className="num">{each.came_back}</td>
                <td className="num">{each.on_page}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  );
}

function Blocked({ blocked }: { blocked: Recipients["blocked"] }) {
  const now = new Date();
  return (
    <Panel title="Kept from leaving">
      {blocked.length === 0 && (
        <p className="quiet">Nothing has tried to leave that the list does not allow.</p>
      )}
      {blocked.length > 0 && (
        <table className={list.table}>
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">To</th>
              <th scope="col">Why not</th>
            </tr>
          </thead>
          <tbody>
            {blocked.map((each) => (
              <tr key={each.id}>
                <td className="num">{when(each.at, now)}</td>
                <td className={classes.wide}>{each.host || each.processor}</td>
                <td className={classes.wide}>
                  {each.reason.replaceAll("_", " ")}
                  {each.field && <div className={list.under}>field {each.field}</div>}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  );
}
