import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Webhook, WebhookSecret } from "../../api/types";
import { Dialog } from "../../components/Dialog";
import { Note, ProblemNote } from "../../components/Note";
import { Panel } from "../../components/Page";
import { Tag } from "../../components/Tag";
import { onDate } from "../../format/time";
import { Deliveries } from "./Deliveries";
import { WebhookForm } from "./WebhookForm";
import classes from "./WebhooksPage.module.css";
import { eventWords, hostOf, troubleWords, webhookState } from "./words";

interface WebhookPanelProps {
  webhook: Webhook;
  open: boolean;
  onSecret: (made: WebhookSecret) => void;
}

/** One webhook: where it goes, what it is told, how it fares, and what can be done with it. */
export function WebhookPanel({ webhook, open, onSecret }: WebhookPanelProps) {
  const client = useQueryClient();
  const navigate = useNavigate({ from: "/settings/webhooks" });
  const [asking, setAsking] = useState<"remove" | "secret" | null>(null);
  const [changing, setChanging] = useState(false);
  const params = { path: { webhook_id: webhook.id } };
  const refresh = () => client.invalidateQueries({ queryKey: keys.webhooks.all });
  const show = (webhookId: string) =>
    void navigate({ search: (now) => ({ ...now, webhook: webhookId }), resetScroll: false });
  const test = useMutation({
    mutationFn: () => answer(api.POST("/api/webhooks/{webhook_id}/test", { params })),
    onSuccess: () => show(webhook.id),
    onSettled: refresh,
  });
  const turn = useMutation({
    mutationFn: (on: boolean) => answer(api.PATCH("/api/webhooks/{webhook_id}", { params, body: { on } })),
    onSettled: refresh,
  });
  const now = new Date();
  const state = webhookState(webhook);
  const trouble = troubleWords(webhook, now);
  const isOff = webhook.off_at !== null;
  return (
    <Panel title={hostOf(webhook.url)} aside={<Tag tone={state.tone}>{state.words}</Tag>}>
      <p className={classes.url}>{webhook.url}</p>
      <p className="quiet">
        {eventWords(webhook.events)} Made {webhook.made_by && `by ${webhook.made_by} `}on{" "}
        {onDate(webhook.created_at)}.
      </p>
      {trouble && (
        <Note tone={isOff && webhook.off_reason === "by_hand" ? "plain" : "warn"} role="status">
          {trouble}
        </Note>
      )}
      <ProblemNote error={test.error ?? turn.error} />
      {changing ? (
        <WebhookForm webhook={webhook} onDone={() => setChanging(false)} onClose={() => setChanging(false)} />
      ) : (
        <div className="row">
          <Button
            variant="default"
            size="compact-sm"
            onClick={() => test.mutate()}
            loading={test.isPending}
            disabled={isOff}
          >
            Send a test
          </Button>
          <Button variant="default" size="compact-sm" onClick={() => setChanging(true)}>
            Change
          </Button>
          <Button variant="default" size="compact-sm" onClick={() => setAsking("secret")}>
            New secret
          </Button>
          <Button
            variant="default"
            size="compact-sm"
            onClick={() => turn.mutate(isOff)}
            loading={turn.isPending}
          >
            {isOff ? "Switch on" : "Switch off"}
          </Button>
          <Button variant="default" size="compact-sm" onClick={() => setAsking("remove")}>
            Remove
          </Button>
          {!open && (
            <Button variant="subtle" size="compact-sm" onClick={() => show(webhook.id)}>
              Messages
            </Button>
          )}
        </div>
      )}
      {open && <Deliveries webhook={webhook} />}
      {asking === "remove" && <RemoveDialog webhook={webhook} onClose={() => setAsking(null)} />}
      {asking === "secret" && (
        <SecretDialog webhook={webhook} onSecret={onSecret} onClose={() => setAsking(null)} />
      )}
    </Panel>
  );
}

function RemoveDialog({ webhook, onClose }: { webhook: Webhook; onClose: () => void }) {
  const client = useQueryClient();
  const remove = useMutation({
    mutationFn: () =>
      answer(api.DELETE("/api/webhooks/{webhook_id}", { params: { path: { webhook_id: webhook.id } } })),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: keys.webhooks.all });
      onClose();
    },
  });
  return (
    <Dialog title={`Remove ${hostOf(webhook.url)}?`} onClose={onClose}>
      <div className="stack">
        <p>
          Nothing is sent to it any more, and the list of its messages is gone. A new webhook has another
          secret.
        </p>
        <ProblemNote error={remove.error} />
        <div className="row">
          <Button color="red.9" onClick={() => remove.mutate()} loading={remove.isPending}>
            Remove
          </Button>
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
        </div>
      </div>
    </Dialog>
  );
}

interface SecretDialogProps {
  webhook: Webhook;
  onSecret: (made: WebhookSecret) => void;
  onClose: () => void;
}

function SecretDialog({ webhook, onSecret, onClose }: SecretDialogProps) {
  const client = useQueryClient();
  const rotate = useMutation({
    mutationFn: () =>
      answer(api.POST("/api/webhooks/{webhook_id}/secret", { params: { path: { webhook_id: webhook.id } } })),
    onSuccess: async (made) => {
      await client.invalidateQueries({ queryKey: keys.webhooks.all });
      onClose();
      onSecret(made);
    },
  });
  return (
    <Dialog title={`A new secret for ${hostOf(webhook.url)}?`} onClose={onClose}>
      <div className="stack">
        <p>
          For 24 hours messages are signed with both, so that nothing is lost while your server takes up the
          new one. After that the one before opens nothing.
        </p>
        <ProblemNote error={rotate.error} />
        <div className="row">
          <Button onClick={() => rotate.mutate()} loading={rotate.isPending}>
            Make a new secret
          </Button>
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
