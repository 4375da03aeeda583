import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { webhooksQuery } from "../../api/webhookQueries";
import { useSignedIn } from "../../app/useSession";
import { Note } from "../../components/Note";
import { Page, Panel } from "../../components/Page";
import { EmailPanel } from "./EmailPanel";
import { KeysPanel } from "./KeysPanel";
import { MobilePanel } from "./MobilePanel";
import { NamePanel } from "./NamePanel";
import { OwnNamePanel } from "./OwnNamePanel";
import { PasswordPanel } from "./PasswordPanel";
import { SessionsPanel } from "./SessionsPanel";
import classes from "./SettingsPage.module.css";
import { WaysInPanel } from "./WaysInPanel";
import { WorkspacesPanel } from "./WorkspacesPanel";

export function SettingsPage() {
  const { user, workspace, permissions } = useSignedIn();
  const facts: [string, string][] = [
    ["Name", `${user.first_name} ${user.last_name}`],
    ["Mobile", user.mobile_e164],
    ["Workspace", workspace.name],
  ];
  return (
    <Page title="Settings" width="narrow">
      <Panel title="You">
        <dl className={classes.facts}>
          {facts.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd className="num">{value}</dd>
            </div>
          ))}
        </dl>
      </Panel>
      <OwnNamePanel user={user} />
      {permissions.manage_workspace && <NamePanel key={workspace.name} name={workspace.name} />}
      <WorkspacesPanel />
      <EmailPanel />
      <MobilePanel />
      <WaysInPanel />
      <PasswordPanel />
      {permissions.manage_keys && <KeysPanel />}
      {permissions.manage_webhooks && <WebhooksLink />}
      <SessionsPanel />
    </Page>
  );
}

function WebhooksLink() {
  const { data } = useQuery(webhooksQuery);
  const off = data?.items.filter((one) => one.off_reason === "failing" || one.off_reason === "gone") ?? [];
  return (
    <Panel title="Webhooks" aside={<Link to="/settings/webhooks">Open webhooks</Link>}>
      <p className="quiet">Servers of your own that are told when a call is over or credits run low.</p>
      {off.length > 0 && (
        <Note tone="warn" role="status">
          {off.length === 1 ? "A webhook was" : `${off.length} webhooks were`} switched off, because the
          server took nothing any more.
        </Note>
      )}
    </Panel>
  );
}
