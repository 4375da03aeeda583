import { Button, NativeSelect } from "@mantine/core";
import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { answer, api } from "../../api/client";
import { keys } from "../../api/keys";
import type { Delivery, DeliveryState, Webhook } from "../../api/types";
import { deliveriesQuery } from "../../api/webhookQueries";
import list from "../../components/List.module.css";
import { More } from "../../components/More";
import { ProblemNote } from "../../components/Note";
import { Tag } from "../../components/Tag";
import { Waiting } from "../../components/Waiting";
import { when } from "../../format/time";
import classes from "./WebhooksPage.module.css";
import { answerWords, deliveryState } from "./words";

const STATES: { value: DeliveryState | ""; label: string }[] = [
  { value: "", label: "All messages" },
  { value: "pending", label: "On their way" },
  { value: "sent", label: "Taken" },
  { value: "dead", label: "Given up" },
];

/** What was sent to a webhook in the last 30 days, and what came of it. */
export function Deliveries({ webhook }: { webhook: Webhook }) {
  const { state } = useSearch({ from: "/app/settings/webhooks" });
  const navigate = useNavigate({ from: "/settings/webhooks" });
  const deliveries = useInfiniteQuery(deliveriesQuery(webhook.id, state));
  const items = deliveries.data?.pages.flatMap((page) => page.items);
  return (
    <div className="stack">
      <div className={classes.head}>
        <h3>Messages of the last 30 days</h3>
        <NativeSelect
          aria-label="Show messages that are"
          size="xs"
          value={state ?? ""}
          onChange={(event) =>
            void navigate({
              search: (now) => ({
                ...now,
                webhook: webhook.id,
                state: (event.currentTarget.value || undefined) as DeliveryState | undefined,
              }),
              resetScroll: false,
            })
          }
          data={STATES}
        />
      </div>
      <ProblemNote error={deliveries.error} />
      {deliveries.isPending && <Waiting lines={3} what="the messages" />}
      {items?.length === 0 && (
        <p className="quiet">
          {state === undefined ? "Nothing yet. Send a test to see whether your server takes it." : "None."}
        </p>
      )}
      {items && items.length > 0 && <Table items={items} isOff={webhook.off_at !== null} />}
      <More pages={deliveries} />
    </div>
  );
}

function Table({ items, isOff }: { items: readonly Delivery[]; isOff: boolean }) {
  const client = useQueryClient();
  const again = useMutation({
    mutationFn: (id: string) =>
      answer(api.POST("/api/deliveries/{delivery_id}/again", { params: { path: { delivery_id: id } } })),
    onSettled: () => client.invalidateQueries({ queryKey: keys.webhooks.all }),
  });
  const now = new Date();
  return (
    <>
      <ProblemNote error={again.error} />
      <table className={list.table}>
        <thead>
          <tr>
            <th scope="col">Message</th>
            <th scope="col">State</th>
            <th scope="col">
              <span className="visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {items.map((item) => {
            const { tone, words } = deliveryState(item, now);
            const waits = item.state === "pending" && item.attempts === 0;
            return (
              <tr key={item.id}>
                <td>
                  <strong>{item.event}</strong>
                  <div className={`num ${list.under}`}>{when(item.created_at, now)}</div>
                  {item.call_id && (
                    <div className={list.under}>
                      <Link to="/calls/$callId" params={{ callId: item.call_id }}>
                        Open the call
                      </Link>
                    </div>
                  )}
                </td>
                <td>
                  <Tag tone={tone}>{words}</Tag>
                  <div className={`num ${list.under}`}>{answerWords(item)}</div>
                </td>
                <td className={list.right}>
                  {!waits && (
                    <Button
                      variant="subtle"
                      size="compact-xs"
                      onClick={() => again.mutate(item.id)}
                      disabled={isOff}
                      loading={again.isPending && again.variables === item.id}
                      aria-label={`Send ${item.event} of ${when(item.created_at, now)} again`}
                    >
                      Send again
                    </Button>
                  )}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </>
  );
}
