import { Button, Checkbox, TextInput } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../api/client";
import { keys } from "../../api/keys";
import { asProblem } from "../../api/problem";
import type { Webhook, WebhookEvent, WebhookSecret } from "../../api/types";
import { ProblemNote } from "../../components/Note";
import { EVENT_WORDS } from "./words";

interface WebhookFormProps {
  /** The one that is changed; without it a new one is made. */
  webhook?: Webhook;
  onDone: (made: WebhookSecret | null) => void;
  onClose: () => void;
}

export function WebhookForm({ webhook, onDone, onClose }: WebhookFormProps) {
  const client = useQueryClient();
  const [url, setUrl] = useState(webhook?.url ?? "");
  const [events, setEvents] = useState<WebhookEvent[]>(webhook?.events ?? ["call.completed"]);
  const save = useMutation({
    mutationFn: async (): Promise<WebhookSecret | null> => {
      if (webhook === undefined) return answer(api.POST("/api/webhooks", { body: { url, events } }));
      const path = { webhook_id: webhook.id };
      await answer(api.PATCH("/api/webhooks/{webhook_id}", { params: { path }, body: { url, events } }));
      return null;
    },
    onSuccess: async (made) => {
      await client.invalidateQueries({ queryKey: keys.webhooks.all });
      onDone(made);
    },
  });
  const problem = asProblem(save.error);
  const wrongUrl = problem?.code === "webhook_url_refused" ? problem.detail : problem?.forField("url");
  return (
    <form
      className="stack"
      aria-label={webhook ? "Change the webhook" : "New webhook"}
      onSubmit={(event) => {
        event.preventDefault();
        if (events.length > 0 && !save.isPending) save.mutate();
      }}
    >
      <TextInput
        label="Address"
        description="Of your own server, beginning with https://"
        type="url"
        required
        maxLength={500}
        autoFocus
        placeholder="https://hooks.example.com/klosesales"
        value={url}
        onChange={(event) => setUrl(event.currentTarget.value.trim())}
        error={wrongUrl}
      />
      <Checkbox.Group
        label="It is told when"
        value={events}
        onChange={(chosen) => setEvents(chosen as WebhookEvent[])}
        error={problem?.forField("events")}
      >
        <div className="stack">
          {(Object.keys(EVENT_WORDS) as WebhookEvent[]).map((event) => (
            <Checkbox key={event} value={event} label={EVENT_WORDS[event]} description={event} />
          ))}
        </div>
      </Checkbox.Group>
      {problem && !wrongUrl && problem.errors.length === 0 && <ProblemNote error={problem} />}
      <div className="row">
        <Button type="submit" disabled={events.length === 0} loading={save.isPending}>
          {webhook ? "Save" : "Make the webhook"}
        </Button>
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
      </div>
    </form>
  );
}
