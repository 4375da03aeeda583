import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { answer, api } from "../../api/client";
import { keys } from "../../api/keys";
import { devicesQuery } from "../../api/queries";
import { webhooksQuery } from "../../api/webhookQueries";
import { useSignedIn } from "../../app/useSession";
import list from "../../components/List.module.css";
import { Note, ProblemNote } from "../../components/Note";
import { Page, Panel } from "../../components/Page";
import { Tag } from "../../components/Tag";
import { Waiting } from "../../components/Waiting";
import { browserName } from "../../format/browser";
import { when } from "../../format/time";
import { EmailPanel } from "./EmailPanel";
import { KeysPanel } from "./KeysPanel";
import { MobilePanel } from "./MobilePanel";
import { NamePanel } from "./NamePanel";
import { OwnNamePanel } from "./OwnNamePanel";
import { PasswordPanel } from "./PasswordPanel";
import { ProofDialog, wantsProof } from "./ProofDialog";
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
      <Sessions />
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

function Sessions() {
  const client = useQueryClient();
  const devices = useQuery(devicesQuery);
  const revoke = useMutation({
    mutationFn: (id: string) =>
      answer(api.DELETE("/api/sessions/{session_id}", { params: { path: { session_id: id } } })),
    onSettled: () => client.invalidateQueries({ queryKey: keys.devices }),
  });
  const now = new Date();
  return (
    <Panel title="Where you are signed in">
      <ProblemNote error={devices.error ?? (wantsProof(revoke.error) ? null : revoke.error)} />
      {wantsProof(revoke.error) && revoke.variables !== undefined && (
        <ProofDialog onProved={() => revoke.mutate(revoke.variables)} onClose={() => revoke.reset()} />
      )}
      {devices.isPending && <Waiting lines={3} what="your sessions" />}
      {devices.data && (
        <table className={list.table}>
          <thead>
            <tr>
              <th scope="col">Browser</th>
              <th scope="col">Last used</th>
              <th scope="col">
                <span className="visually-hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {devices.data.items.map((device) => (
              <tr key={device.id}>
                <td>
                  {browserName(device.agent)} {device.current && <Tag tone="accent">This one</Tag>}
                  <div className={list.under}>{device.address ?? "Address not known"}</div>
                </td>
                <td className="num">{when(device.last_used_at, now)}</td>
                <td className={list.right}>
                  {!device.current && (
                    <Button
                      variant="default"
                      size="compact-sm"
                      onClick={() => revoke.mutate(device.id)}
                      loading={revoke.isPending && revoke.variables === device.id}
                    >
                      Sign out there
                    </Button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  );
}
