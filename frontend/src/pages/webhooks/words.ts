import type { Delivery, Webhook, WebhookEvent } from "../../api/types";
import type { Tone } from "../../components/Tag";
import { onDate, when } from "../../format/time";

export const EVENT_WORDS: Record<WebhookEvent, string> = {
  "call.completed": "A call is over",
  "transcript.ready": "The text of a call is complete",
  "insight.ready": "The insights of a call are there",
  "balance.low": "The balance fell below its alert",
};

/** What a webhook is told, as a sentence. */
export function eventWords(events: readonly WebhookEvent[]): string {
  const words = events.map((event) => EVENT_WORDS[event]).join("; ");
  return `${words.charAt(0)}${words.slice(1).toLowerCase()}.`;
}

const ERROR_WORDS: Record<string, string> = {
  name_unknown: "nobody knows a server of this name",
  address_refused: "the name leads to an address that the Internet cannot reach",
  not_reached: "the server could not be reached",
  tls_failed: "its certificate was not accepted",
  timed_out: "no answer within ten seconds",
  answer_unreadable: "the answer could not be read",
  not_allowed: "it holds what we may not send to other servers, so nothing was sent",
};

export function hostOf(url: string): string {
  try {
    return new URL(url).host;
  } catch {
    return url;
  }
}

/** What came of the last attempt; nothing before the first. */
export function answerWords(delivery: Delivery): string {
  const { answer_status: status, error } = delivery;
  if (status !== null) {
    if (status >= 300 && status < 400) return `Answered ${status}; redirects are not followed`;
    return `Answered ${status}`;
  }
  return error === null ? "" : `Failed: ${ERROR_WORDS[error] ?? error}`;
}

export function deliveryState(delivery: Delivery, now: Date): { tone: Tone; words: string } {
  if (delivery.state === "sent") return { tone: "good", words: "Taken" };
  if (delivery.state === "dead") return { tone: "bad", words: "Given up" };
  if (delivery.attempts === 0) return { tone: "accent", words: "On its way" };
  const next = delivery.next_at === null ? "" : `, next try ${when(delivery.next_at, now)}`;
  return { tone: "warn", words: `Tried ${times(delivery.attempts)}${next}` };
}

export function webhookState(webhook: Webhook): { tone: Tone; words: string } {
  if (webhook.off_at !== null) return { tone: "plain", words: "Off" };
  if (webhook.failing_since !== null) return { tone: "warn", words: "Failing" };
  return { tone: "good", words: "On" };
}

/** Why it is off or what is wrong with it, as a sentence; nothing when all is well. */
export function troubleWords(webhook: Webhook, now: Date): string {
  const { off_at, off_reason, failing_since, failures } = webhook;
  if (off_at !== null) {
    const since = onDate(off_at);
    if (off_reason === "gone")
      return `Switched off on ${since}, because it answered that it is gone (410). Look at the server, then switch it on.`;
    if (off_reason === "failing")
      return `Switched off on ${since}, because it took nothing for three days. Look at the last answers below, mend the server, then switch it on.`;
    return `Switched off by a member on ${since}. Nothing is sent to it.`;
  }
  if (failing_since === null) return "";
  return `The last ${failures === 1 ? "attempt" : `${failures} attempts`} failed, since ${when(failing_since, now)}. Each message is tried again for a day; after three days without a success it is switched off.`;
}

function times(count: number): string {
  return count === 1 ? "once" : count === 2 ? "twice" : `${count} times`;
}
