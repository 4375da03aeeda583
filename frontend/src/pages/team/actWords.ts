import type { Act } from "../../api/types";
import { ROLE_WORDS } from "./words";

const DONE: Record<Act["action"], (act: Act) => string> = {
  "call.ended_by_manager": () => "ended a call.",
  "call.rep_shut_out": () => "ended a call of somebody who may not call here any more.",
  "call.watch_began": () => "began to watch a call.",
  "call.watch_ended": () => "stopped watching a call.",
  "dialling.resumed": () => "ended a pause of calling.",
  "key.made": (act) => `made the API key …${act.key_hint}.`,
  "key.revoked": (act) => `revoked the API key …${act.key_hint}.`,
  "lead.removed": () => "removed a lead with its calls.",
  "look.began": () => "began a look into this workspace.",
  "look.ended": () => "ended the look.",
  "look.opened": () => "opened something in a look.",
  "paddle_event.dismissed": () => "looked at a payment that did not fit and booked nothing.",
  "paddle_event.granted": () => "looked at a payment that did not fit and granted its credits.",
  "refusal.dismissed": () => "found that a line of a call does not ask for no more calls.",
  "refusal.restored": () => "found that a line of a call does ask for no more calls.",
  "statement.exported": () => "took a copy of the statement of credits.",
  "team.bounded": () => "changed the limits of the team.",
  "team.capped": (act) => `changed what ${whom(act)} may spend.`,
  "team.handed_over": (act) => `made ${whom(act)} the owner.`,
  "team.invitation_taken_back": (act) => `took back the invitation of ${invited(act)}.`,
  "team.invited": (act) => `invited ${invited(act)} as ${role(act)}.`,
  "team.joined": (act) => `joined as ${role(act)}.`,
  "team.left": () => "left the workspace.",
  "team.removed": (act) => `removed ${whom(act)}.`,
  "team.renamed": () => "renamed the workspace.",
  "team.role_changed": (act) => `made ${whom(act)} ${role(act)}.`,
  "top_up.agreed": () => "turned automatic top-up on.",
  "top_up.changed": () => "changed automatic top-up.",
  "top_up.stopped": () => "turned automatic top-up off.",
  "transcript.corrected": () => "corrected a line of a call.",
  "transcript.correction_undone": () => "undid the correction of a line of a call.",
  "transcript.refused": () => "turned off the text of a call, because the lead wanted none.",
  "webhook.changed": () => "changed a webhook.",
  "webhook.made": () => "made a webhook.",
  "webhook.removed": () => "removed a webhook.",
  "webhook.secret_changed": () => "gave a webhook a new secret.",
};

/** What comes after the name of who did it, as a sentence. */
export function actWords(act: Act): string {
  return DONE[act.action](act);
}

function whom(act: Act): string {
  return act.whom ?? "somebody whose account is deleted";
}

/** Invitations are kept for a month. */
function invited(act: Act): string {
  return act.whom ?? "an address that is no longer kept";
}

function role(act: Act): string {
  return act.role === null ? "a member" : ROLE_WORDS[act.role].a;
}
