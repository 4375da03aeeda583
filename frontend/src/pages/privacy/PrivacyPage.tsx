import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import {
  consentsQuery,
  disclosuresQuery,
  heldQuery,
  heldThingsQuery,
  purposesQuery,
} from "../../api/privacyQueries";
import { useSignedIn } from "../../app/useSession";
import { HeldList } from "../../components/HeldList";
import list from "../../components/List.module.css";
import { ProblemNote } from "../../components/Note";
import { Page, Panel } from "../../components/Page";
import { Tag } from "../../components/Tag";
import { Waiting } from "../../components/Waiting";
import { atDateTime, onDay } from "../../format/time";
import { AskPanel } from "./AskPanel";
import { CookiesPanel } from "./CookiesPanel";
import { DeletePanel } from "./DeletePanel";
import { ExpiringPanel } from "./ExpiringPanel";
import { LawPanel } from "./LawPanel";
import { NomineePanel } from "./NomineePanel";
import classes from "./PrivacyPage.module.css";
import { PurposesPanel } from "./PurposesPanel";
import { StopTextsDialog } from "./StopTextsDialog";

export function PrivacyPage() {
  const { permissions } = useSignedIn();
  return (
    <Page title="Privacy centre" width="narrow" actions={<Places />}>
      <Held />
      {permissions.manage_workspace && <ExpiringPanel />}
      <Consents />
      <PurposesPanel />
      <Disclosures />
      <CookiesPanel />
      <NomineePanel />
      <LawPanel />
      <AskPanel />
      <DeletePanel />
    </Page>
  );
}

function Places() {
  return (
    <>
      <Link to="/policy/contact">Contact and complaints</Link>
      <Link to="/policy">Privacy policy</Link>
    </>
  );
}

function Held() {
  const held = useQuery(heldQuery);
  return (
    <Panel
      title="What we hold about you"
      aside={
        <span>
          <a href="/api/privacy/export?as_page=true" download>
            A copy to read
          </a>{" "}
          or{" "}
          <a href="/api/privacy/export" download>
            for other programs
          </a>
        </span>
      }
    >
      <ProblemNote error={held.error} />
      {held.isPending && <Waiting lines={6} what="what is held" />}
      {held.data && <HeldList items={held.data.items} thingsOf={heldThingsQuery} />}
    </Panel>
  );
}

const PURPOSE_WORDS: Record<string, string> = {
  sms: "Passcodes by text message",
  policy: "Privacy policy",
  top_up: "Automatic top-up",
  nominee: "Somebody who acts for you",
  transfer: "Storage in the European Union",
};

function Consents() {
  const consents = useQuery(consentsQuery);
  const purposes = useQuery(purposesQuery);
  const titleOf = (key: string): string =>
    PURPOSE_WORDS[key] ??
    purposes.data?.items.find((purpose) => purpose.key === key)?.title ??
    "A use of your data";
  const [stopping, setStopping] = useState(false);
  return (
    <Panel title="What you agreed to">
      <ProblemNote error={consents.error} />
      {consents.isPending && <Waiting lines={3} what="your consents" />}
      <ul className={classes.list}>
        {consents.data?.items.map((consent) => (
          <li key={`${consent.purpose}-${consent.at}`} className="stack">
            <div className="row">
              <strong>{titleOf(consent.purpose)}</strong>
              <Tag tone={consent.given ? "good" : "plain"}>{consent.given ? "Given" : "Taken back"}</Tag>
              <span className="num quiet">
                {atDateTime(consent.at)}, policy {consent.policy_version}
              </span>
              {consent.purpose === "sms" && consent.given && (
                <Button variant="default" size="compact-sm" onClick={() => setStopping(true)}>
                  Stop text messages
                </Button>
              )}
            </div>
            {consent.text && <p className="quiet">{consent.text}</p>}
          </li>
        ))}
      </ul>
      <p className="quiet">
        Text messages stop here, or by writing to{" "}
        <a href="mailto:support@klosesales.com">support@klosesales.com</a>. You can no longer sign in then;
        support can still export and erase your data.
      </p>
      {stopping && <StopTextsDialog onClose={() => setStopping(false)} />}
    </Panel>
  );
}

function Disclosures() {
  const disclosures = useQuery(disclosuresQuery);
  const items = disclosures.data?.items;
  return (
    <Panel title="Who received what">
      <ProblemNote error={disclosures.error} />
      {disclosures.isPending && <Waiting lines={4} what="what was disclosed" />}
      {items?.length === 0 && <p className="quiet">Nothing about you has left our server.</p>}
      {items && items.length > 0 && (
        <div className={list.scroll}>
          <table className={list.table}>
            <thead>
              <tr>
                <th scope="col">Day</th>
                <th scope="col">Received by</th>
                <th scope="col">What</th>
                <th scope="col" className={list.right}>
                  Times
                </th>
              </tr>
            </thead>
            <tbody>
              {items.map((item) => (
                <tr key={`${item.day}-${item.processor}-${item.endpoint}`}>
                  <td className="num">{onDay(item.day)}</td>
                  <td>{item.processor_name}</td>
                  <td>{item.data_classes.map((each) => each.title).join("; ")}</td>
                  <td className={list.right}>{item.count}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}
