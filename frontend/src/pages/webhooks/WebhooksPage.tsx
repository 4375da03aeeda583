import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useSearch } from "@tanstack/react-router";
import { useRef, useState } from "react";
import type { WebhookSecret } from "../../api/types";
import { webhooksQuery } from "../../api/webhookQueries";
import { useSignedIn } from "../../app/useSession";
import { Empty } from "../../components/Empty";
import { ProblemNote } from "../../components/Note";
import { Page, Panel } from "../../components/Page";
import { Waiting } from "../../components/Waiting";
import { SecretShown } from "./SecretShown";
import { WebhookForm } from "./WebhookForm";
import { WebhookPanel } from "./WebhookPanel";

/** The servers that the workspace has told of its events. */
export function WebhooksPage() {
  const { permissions } = useSignedIn();
  if (permissions.manage_webhooks) return <Webhooks />;
  return (
    <Page title="Webhooks" width="narrow">
      <Empty title="For managers and the owner" action={<Link to="/settings">Settings</Link>}>
        They decide which servers are told of the workspace's calls.
      </Empty>
    </Page>
  );
}

function Webhooks() {
  const { webhook: chosen } = useSearch({ from: "/app/settings/webhooks" });
  const webhooks = useQuery(webhooksQuery);
  const [making, setMaking] = useState(false);
  const [made, setMade] = useState<WebhookSecret | null>(null);
  const again = useRef<HTMLButtonElement>(null);
  const items = webhooks.data?.items;
  return (
    <Page
      title="Webhooks"
      width="narrow"
      actions={
        items &&
        !making && (
          <Button ref={again} variant="default" onClick={() => setMaking(true)}>
            New webhook
          </Button>
        )
      }
    >
      <p className="quiet">
        A server of your own is told within seconds what happened, in signed messages. They hold identifiers
        and figures, never names, numbers or what was said: for those your program asks with an{" "}
        <Link to="/settings">API key</Link>.
      </p>
      <ProblemNote error={webhooks.error} />
      {webhooks.isPending && <Waiting lines={4} what="the webhooks" />}
      {made && (
        <SecretShown
          made={made}
          onClose={() => {
            setMade(null);
            again.current?.focus();
          }}
        />
      )}
      {making && (
        <Panel title="New webhook">
          <WebhookForm
            onDone={(done) => {
              setMade(done);
              setMaking(false);
            }}
            onClose={() => setMaking(false)}
          />
        </Panel>
      )}
      {items?.length === 0 && !making && (
        <Empty
          title="No server is told yet"
          action={
            <Button variant="default" onClick={() => setMaking(true)}>
              Make the first webhook
            </Button>
          }
        >
          A CRM or a script of your own learns here that a call is over, that its text or insights are there,
          or that credits run low.
        </Empty>
      )}
      {items?.map((webhook) => (
        <WebhookPanel
          key={webhook.id}
          webhook={webhook}
          open={chosen === webhook.id || items.length === 1}
          onSecret={setMade}
        />
      ))}
    </Page>
  );
}
