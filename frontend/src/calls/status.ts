import type {
  Call,
  CallStatus,
  Disposition,
  Lead,
  Outcome,
  Result,
  ResultFilter,
  SkipReason,
  Way,
} from "../api/types";

const LIVE = new Set<CallStatus>([
  "intended",
  "dialling",
  "rep_ringing",
  "rep_answered",
  "callee_ringing",
  "in_progress",
]);

export function isLive(status: CallStatus): boolean {
  return LIVE.has(status);
}

export const STATUS_WORDS: Record<CallStatus, string> = {
  intended: "Placing the call",
  dialling: "Dialling your phone",
  rep_ringing: "Your phone rings",
  rep_answered: "You answered",
  callee_ringing: "The lead's phone rings",
  in_progress: "In call",
  completed: "Completed",
  busy: "Busy",
  no_answer: "No answer",
  failed: "Failed",
  cancelled: "Cancelled",
};

/** The same where the rep talks in the browser. */
const BROWSER_STATUS_WORDS: Record<CallStatus, string> = {
  ...STATUS_WORDS,
  intended: "Connecting this page",
  rep_answered: "This page is connected",
};

/** How far the rep's own call is. */
export function statusWords({ status, way }: Pick<Call, "status" | "way">): string {
  return (way === "browser" ? BROWSER_STATUS_WORDS : STATUS_WORDS)[status];
}

/** The same, said to those who look at a colleague's call. */
export const TEAM_STATUS_WORDS: Record<CallStatus, string> = {
  ...STATUS_WORDS,
  dialling: "Dialling the rep",
  rep_ringing: "The rep's phone rings",
  rep_answered: "The rep answered",
};

interface Step {
  status: CallStatus;
  label: string;
}

const WITH_THE_LEAD: readonly Step[] = [
  { status: "callee_ringing", label: "Lead's phone rings" },
  { status: "in_progress", label: "In call" },
];

/** The ways to a conversation, as the rep sees them; "intended" and "dialling" are one step. */
export const STEPS: Record<Way, readonly Step[]> = {
  phone: [
    { status: "dialling", label: "Dialling you" },
    { status: "rep_ringing", label: "Your phone rings" },
    { status: "rep_answered", label: "You answered" },
    ...WITH_THE_LEAD,
  ],
  browser: [
    { status: "dialling", label: "Connecting this page" },
    { status: "rep_answered", label: "Page connected" },
    ...WITH_THE_LEAD,
  ],
};

export function stepOf({ status, way }: Pick<Call, "status" | "way">): number {
  return status === "intended" ? 0 : STEPS[way].findIndex((step) => step.status === status);
}

/** What to do while the carrier does not say that it has taken a call by phone. */
export function slowStartWords({ lead }: { lead: Pick<Call["lead"], "name"> }): string {
  return `It has not said yet that it dials your phone, and we go on asking. Take the call if it rings, or hang up if you no longer want it. Nothing is charged until ${lead.name} answers.`;
}

/** What to do while the carrier does not say that a call is over. soundIsHere: this page carries the sound of it still. */
export function slowEndWords({ status, way }: Pick<Call, "status" | "way">, soundIsHere: boolean): string {
  const asking = "It has not said yet that the call is over, and we go on asking.";
  if (way === "browser")
    return soundIsHere
      ? `${asking} You are still on the line: press Hang up, and this page leaves it.`
      : `${asking} This page has left the line, so nobody hears you here. If you talk in another window, close that one.`;
  return status === "intended" || status === "dialling" || status === "rep_ringing"
    ? `${asking} Do not take the call if your phone rings.`
    : `${asking} Put down your phone: that ends it too.`;
}

const END_WORDS: Record<string, string> = {
  hung_up: "One of you hung up.",
  credits_used_up: "The credits were used up.",
  longest_call: "It was as long as it may be.",
  lead_busy: "The lead's line was busy.",
  lead_no_answer: "The lead did not answer.",
  lead_unreachable: "The lead's number could not be reached.",
  rep_busy: "Your phone was busy.",
  rep_no_answer: "You did not answer your phone.",
  rep_unreachable: "Your phone could not be reached.",
  cancelled_by_rep: "You ended it before the lead answered.",
  lead_suppressed: "The lead was not called: they asked not to be called.",
  outside_calling_hours: "The lead was not called: the hours were over in which people there may be called.",
  carrier_refused: "The carrier refused the call. Try again, and write to support if it stays so.",
  carrier_at_limit:
    "The carrier takes no more calls at once from us. Nobody was called, and nothing was charged. Try again when a call has ended; whoever runs this server has been told.",
  carrier_unreachable: "The carrier could not be reached. Try again in a minute.",
  lead_opted_out: "The lead pressed 9: they do not want to be called again, and are not called any more.",
  lead_stopped_calls: "The lead asked us for no more calls, so it was ended. They are not called any more.",
  lead_restricted: "The lead asked that nothing of theirs is used, so it was ended.",
  rep_restricted:
    "Whoever called had asked that nothing of theirs is used, or taken back a consent that calls need, so it was ended.",
  rep_may_not_call: "Who pressed Call has left the team, or stopped our text messages. Nobody was called.",
  rep_shut_out: "Whoever called was kept out of the account, or had left the team, so it was ended.",
  not_dialled_in_time: "It could not be dialled in time. Try again.",
  rep_not_connected: "It ended before the page was connected. Nobody was dialled, and nothing was charged.",
};

/** Why a call ended, as a sentence; nothing while it goes on. */
export function endWords({ end_reason, ended_by }: Pick<Call, "end_reason" | "ended_by">): string {
  if (end_reason === null) return "";
  if (end_reason === "ended_by_colleague") return `${ended_by?.name ?? "A colleague"} ended it.`;
  return END_WORDS[end_reason] ?? "The call has ended.";
}

/** Whether another call with the lead makes sense. Key 9 and a stop count at once, before the lead has been asked for anew. */
export function mayBeCalledAgain(
  endReason: Call["end_reason"],
  lead: Pick<Lead, "suppressed" | "erased_at"> | undefined,
): boolean {
  const wantsNone = endReason === "lead_opted_out" || endReason === "lead_stopped_calls";
  return !wantsNone && lead?.suppressed === false && lead.erased_at === null;
}

const DURING_WORDS: Record<Call["transcript_state"], string> = {
  waiting_for_notice: "The text starts once the notice has been played to the lead.",
  on: "Both sides are being written down.",
  refused: "The lead refused the transcript. Nothing is written down from then on.",
  off: "The transcript is off for this call.",
  expired: "The text has been removed.",
};

const AFTER_WORDS: Record<Call["transcript_state"], string> = {
  waiting_for_notice: "Nothing was written down: the notice was not played to the lead.",
  on: "Both sides were written down.",
  refused: "The lead refused the transcript. Nothing was written down from then on.",
  off: "The transcript was off in this call.",
  expired: "Text is kept for 180 days. That of this call was removed, with all that was understood from it.",
};

/** Whether and why what is said gets written down. */
export function transcriptWords(call: Pick<Call, "status" | "transcript_state" | "end_reason">): string {
  if (call.end_reason === "lead_opted_out")
    return "Nothing was written down: the lead asked not to be called again.";
  if (isLive(call.status)) return DURING_WORDS[call.transcript_state];
  const wasHeld = call.status === "completed" || call.transcript_state !== "off";
  return wasHeld ? AFTER_WORDS[call.transcript_state] : "Nobody spoke, so nothing was written down.";
}

/** What stands where a call's text would be while there is none. */
export function noTextWords(
  call: Pick<Call, "status" | "transcript_state" | "end_reason" | "answered_at">,
): string {
  if (isLive(call.status))
    return call.transcript_state === "on"
      ? "What both of you say appears here while you speak."
      : transcriptWords(call);
  if (call.answered_at === null) return "Nobody spoke in this call.";
  return call.transcript_state === "on" ? "No speech was recognised in this call." : transcriptWords(call);
}

/** Whether its lead can still say that they want no text. */
export function isRefusable(call: Pick<Call, "status" | "transcript_state">): boolean {
  return isLive(call.status) && ["waiting_for_notice", "on"].includes(call.transcript_state);
}

const SHORTAGE_WORDS: Record<number, string> = {
  1: "Many calls are going on: text appears a sentence at a time.",
  2: "Many calls are going on: text appears a sentence at a time, with more mistakes than usual.",
  3: "Many calls are going on: text appears a sentence at a time, from a smaller model that makes more mistakes than usual.",
  4: "Many calls are going on: text comes later than usual, and what takes too long is marked as a gap.",
};

/** What is different about the text while the recognisers have too much to do; nothing when all is as usual. */
export function shortageWords(level: number): string {
  return SHORTAGE_WORDS[Math.min(level, 4)] ?? "";
}

export const DISPOSITION_WORDS: Record<Disposition, string> = {
  interested: "Interested",
  not_interested: "Not interested",
  call_back: "Call back",
  meeting_booked: "Meeting booked",
  left_voicemail: "Left a voicemail",
  wrong_number: "Wrong number",
  do_not_call: "Do not call",
};

const AFTER_A_CONVERSATION = new Set<Disposition>([
  "interested",
  "not_interested",
  "meeting_booked",
  "left_voicemail",
]);

/** Whether that can have come of the call: some things need that somebody took the lead's phone. */
export function canHaveCome(disposition: Disposition, call: Pick<Call, "answered_at">): boolean {
  return call.answered_at !== null || !AFTER_A_CONVERSATION.has(disposition);
}

export const OUTCOME_WORDS: Record<Outcome, string> = {
  connected: "Connected",
  voicemail: "Voicemail",
  busy: "Busy",
  no_answer: "No answer",
  failed: "Failed",
};

/** What came of a call. */
export const RESULT_WORDS: Record<Result, string> = { ...OUTCOME_WORDS, ...DISPOSITION_WORDS };

export const FILTER_WORDS: Record<ResultFilter, string> = { never_called: "Never called", ...RESULT_WORDS };

export const SKIP_WORDS: Record<SkipReason, string> = {
  not_now: "Not now",
  no_fit: "Not a fit for us",
  wrong_details: "Name or number looks wrong",
  already_talking: "Somebody talks to them already",
};

type Clocked = Pick<Call, "status" | "duration_s" | "seconds_left">;

/** Seconds of conversation, `sinceS` seconds after the server last spoke of the call. */
export function durationAfter(call: Clocked, sinceS: number): number {
  return call.status === "in_progress" ? call.duration_s + Math.max(0, sinceS) : call.duration_s;
}

/** Seconds until the credits end; null when nothing runs. */
export function secondsLeftAfter(call: Clocked, sinceS: number): number | null {
  if (call.seconds_left === null || call.status !== "in_progress") return null;
  return Math.max(0, call.seconds_left - Math.max(0, sinceS));
}
