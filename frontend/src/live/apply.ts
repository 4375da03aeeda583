import { hashKey, type InfiniteData } from "@tanstack/react-query";
import { keys } from "../api/keys";
import type {
  Balance,
  Call,
  CallPage,
  CallWarning,
  CallWithSpeech,
  Reservation,
  Segment,
  ServerEvent,
  SpeechSpan,
} from "../api/types";
import { isLive } from "../calls/status";
import { balanceChanged } from "./balance";
import { type Change, update, updateAll, type Viewer } from "./change";
import { SOON } from "./pace";
import { asTold, heard, noticed, settled, short, type Transcript } from "./transcript";
import { type WallState, withCall, withLine, withWatchers } from "./wall";

/** What a server event means for the cache. The only place where events become state; pure. */
export function apply(event: ServerEvent, viewer: Viewer): Change[] {
  switch (event.type) {
    case "call.changed":
      return callChanged(event.call, viewer);
    case "segment.added":
      return segmentAdded(event.call_id, event.segment);
    case "wall.line":
      return [
        update<WallState>(keys.calls.wall, (held) =>
          withLine(held, event.call_id, event.speaker, event.line),
        ),
      ];
    case "watchers.changed":
      return [
        update<WallState>(keys.calls.wall, (held) => withWatchers(held, event.call_id, event.watchers)),
        update(keys.calls.watchers(event.call_id), () => event.watchers),
      ];
    case "segment.changed":
      return [
        update<Transcript>(keys.calls.transcript(event.call_id), (held) => settled(held, event.segment)),
        // What was understood of the old words is being understood anew.
        { do: "refetch", key: keys.calls.insights(event.call_id) },
      ];
    case "transcription.level":
      return [
        update<Transcript>(keys.calls.transcript(event.call_id), (held) =>
          short(held, event.level, viewer.now),
        ),
      ];
    case "segment.interim": {
      const { speaker, text, start_ms, end_ms } = event;
      return [
        update<Transcript>(keys.calls.transcript(event.call_id), (held) =>
          heard(held, speaker, { text, start_ms, end_ms }),
        ),
      ];
    }
    case "dialling.changed":
      return [
        { do: "refetch", key: keys.dialPause },
        { do: "refetch", key: keys.leads.dialChecks },
      ];
    case "call.warning":
      return callWarning(event, viewer);
    case "balance.changed":
      return balanceChanged(event, viewer);
    case "balance.low":
      return [
        update<Balance>(keys.credits.balance, (held) => ({
          ...held,
          alert: { threshold_mcredits: event.threshold_mcredits, raised_at: event.at },
        })),
      ];
    case "checkout.changed":
      return [
        { do: "refetch", key: keys.credits.checkout(event.checkout_id) },
        { do: "refetch", key: keys.credits.purchases },
        { do: "refetch", key: keys.credits.burnDowns },
      ];
    case "top_up.changed":
      return [
        { do: "refetch", key: keys.credits.topUp },
        { do: "refetch", key: keys.credits.purchases },
      ];
    case "webhooks.changed":
      return [{ do: "refetch", key: keys.webhooks.all }];
    case "lead.reserved": {
      const { reservation } = event;
      return [
        update<Reservation[]>(keys.queue.reservations, (held) => [
          ...held.filter((each) => each.lead_id !== reservation.lead_id),
          reservation,
        ]),
        ...queueMoved(reservation.lead_id, reservation.user_id, viewer),
      ];
    }
    case "lead.released":
      return [
        update<Reservation[]>(keys.queue.reservations, (held) =>
          held.filter((each) => each.lead_id !== event.lead_id || each.user_id !== event.user_id),
        ),
        ...queueMoved(event.lead_id, event.user_id, viewer),
      ];
    case "insights.ready":
      return [{ do: "refetch", key: keys.calls.insights(event.call_id) }];
    default:
      // A newer server may send what this page does not know yet.
      return [];
  }
}

/** Whether the lead may be called now, who works on what, and, in another tab, what one works on oneself. */
function queueMoved(leadId: string, userId: string, viewer: Viewer): Change[] {
  const changes: Change[] = [
    { do: "refetch", key: keys.leads.dialCheck(leadId) },
    { do: "refetch", key: keys.queue.workers },
  ];
  if (userId === viewer.userId) changes.push({ do: "refetch", key: keys.queue.state });
  return changes;
}

/** A call that is heard of again: what was known later stays. */
export function newer<T extends Call>(held: T, call: Call): T {
  return call.sequence < held.sequence ? held : { ...held, ...call };
}

function callChanged(call: Call, viewer: Viewer): Change[] {
  const ended = !isLive(call.status);
  const changes: Change[] = [
    update<CallWithSpeech>(keys.calls.one(call.id), (held) => newer(held, call)),
    update<WallState>(keys.calls.wall, (held) => withCall(held, call)),
    updateAll<InfiniteData<CallPage>>(keys.calls.lists, (held) => inPages(held, call)),
    update<Transcript>(keys.calls.transcript(call.id), (held) => asTold(noticed(held, call.sequence), call)),
  ];
  if (call.user.id === viewer.userId) {
    changes.push({
      do: "update",
      key: keys.calls.current,
      with: (held) => current(held as Call | null | undefined, call),
    });
  }
  if (call.status === "intended") changes.push(...callBegins(call));
  if (ended) {
    changes.push(
      { do: "refetch", key: keys.calls.receipt(call.id) },
      { do: "refetch", key: keys.calls.insights(call.id) },
      { do: "refetch", key: keys.leads.dialChecks },
      // What came of it stands with the lead as well, and may make it due again.
      { do: "refetch", key: keys.leads.one(call.lead.id) },
      { do: "refetch", key: keys.leads.lists },
      { do: "refetch", key: keys.leads.history(call.lead.id) },
      { do: "refetch", key: keys.queue.state },
    );
  }
  return changes;
}

/** Nobody else may call the lead meanwhile, and the others only while the team may have another call. */
function callBegins(call: Call): Change[] {
  return [
    { do: "refetch", key: keys.calls.lists },
    { do: "refetch", key: keys.leads.dialCheck(call.lead.id) },
    {
      do: "refetch-paced",
      key: keys.leads.dialChecks,
      pace: ({ key }) => (hashKey(key) === hashKey(keys.leads.dialCheck(call.lead.id)) ? null : SOON),
    },
  ];
}

/** The viewer's call that is going on; null when it has ended. */
function current(held: Call | null | undefined, call: Call): Call | null | undefined {
  if (held && held.id === call.id && call.sequence < held.sequence) return held;
  if (isLive(call.status)) return call;
  return held && held.id !== call.id ? held : null;
}

function inPages(held: InfiniteData<CallPage>, call: Call): InfiniteData<CallPage> {
  if (!held.pages.some((page) => page.items.some((item) => item.id === call.id))) return held;
  const pages = held.pages.map((page) => ({
    ...page,
    items: page.items.map((item) => (item.id === call.id ? newer(item, call) : item)),
  }));
  return { ...held, pages };
}

function segmentAdded(callId: string, segment: Segment): Change[] {
  const changes: Change[] = [
    update<Transcript>(keys.calls.transcript(callId), (held) => settled(held, segment)),
  ];
  const { speaker, start_ms, end_ms } = segment;
  if (speaker !== null && segment.kind === "speech") {
    // A turn that was heard again as a whole takes the place of its parts.
    const isWithin = (span: SpeechSpan) =>
      span.speaker === speaker && span.start_ms >= start_ms && span.end_ms <= end_ms;
    changes.push(
      update<CallWithSpeech>(keys.calls.one(callId), (held) => ({
        ...held,
        speech: [...held.speech.filter((span) => !isWithin(span)), { speaker, start_ms, end_ms }],
      })),
    );
  }
  return changes;
}

function callWarning(warning: CallWarning, viewer: Viewer): Change[] {
  const { call_id, seconds_left, duration_s } = warning;
  // The clock of the page goes on from here; the hour that it shows may be wrong.
  const warned = <T extends Call>(held: T): T =>
    held.id === call_id && held.answered_at !== null
      ? { ...held, seconds_left, duration_s, as_of: viewer.now }
      : held;
  return [
    update<CallWithSpeech>(keys.calls.one(call_id), warned),
    update<Call | null>(keys.calls.current, (held) => (held === null ? null : warned(held))),
  ];
}
