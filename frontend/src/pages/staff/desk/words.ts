import type { CasesShown } from "../../../api/deskQueries";
import type { CaseKind, DeskCase, DeskCasePage, DeskStep } from "../../../api/types";

export const KIND_WORDS: Record<CaseKind, string> = {
  access: "A copy",
  correction: "Correction",
  deletion: "Deletion",
  restriction: "Use nothing",
  objection: "Objection to every use",
  withdrawal: "Consent withdrawn",
  nominee: "Nominee",
  grievance: "Complaint",
  opt_out: "No text messages",
  unsorted: "Not sorted yet",
};

export const CHANNEL_WORDS: Record<DeskCase["channel"], string> = {
  privacy_centre: "in the privacy centre",
  mail: "by mail",
  callee_page: "on the page for people who were called",
  nominee_page: "on the page for nominees",
  support: "written down by support",
};

export const OUTCOME_WORDS: Record<Exclude<DeskCase["outcome"], "">, string> = {
  done: "Done",
  refused: "Refused",
  taken_back: "Taken back",
  erased: "Deleted with the person",
};

export const PROOF_WORDS: Record<Exclude<DeskCase["proved_by"], "">, string> = {
  session: "a session whose phone was proved",
  passcode: "a passcode to the number",
  link: "the link that we mailed to the nominee",
  mailbox: "the link that we mailed to the account's own address",
  support: "support, who recognised the person",
};

export const SHOWN_WORDS: Record<CasesShown, string> = {
  open: "Open",
  mine: "Mine",
  overdue: "Overdue",
  waiting: "Waiting",
  answered: "Answered",
};

export const STEP_WORDS: Record<DeskStep, string> = {
  take: "Take it",
  prove: "Verify who asks",
  mail_proof: "Mail a link that verifies",
  sort: "Change what is wanted",
  pause: "Pause",
  resume: "Work on it",
  reply: "Reply",
  note: "Note",
  carry_out: "Carry out",
  correct: "Put it right",
  grant: "Judge what was shown",
  approve: "Approve",
  withdraw: "Withdraw the preparation",
  take_back: "Cancel the deletion",
  lift: "Lift the restriction",
  close: "Answer and close",
  refuse: "Refuse",
};

/** One key each; the others are reached by Tab. */
export const STEP_KEYS: Partial<Record<DeskStep, string>> = {
  take: "t",
  prove: "v",
  mail_proof: "m",
  reply: "r",
  note: "n",
  pause: "p",
  resume: "w",
  carry_out: "o",
  correct: "o",
  grant: "o",
  close: "a",
};

export const PERSON_WORDS: Record<DeskCasePage["person"]["kind"], string> = {
  account: "An account",
  number: "Somebody without an account, by number",
  number_not_kept: "Somebody without an account; the number was proved and is not kept here",
  address: "Only a mail's address is known; nothing is linked to it",
  gone: "Removed with the person",
};

const ACT_WORDS: Record<string, string> = {
  "case.opened": "opened it",
  "case.joined": "joined to another case of the same person",
  "case.read": "read it",
  "case.sorted": "said what is wanted",
  "case.taken": "took it",
  "case.proved": "verified who asks",
  "case.proof_mailed": "mailed a link that verifies who asks",
  "case.paused": "paused it",
  "case.resumed": "went on with it",
  "case.noted": "kept a note",
  "case.replied": "replied",
  "case.closed": "closed it",
  "copy.mailed": "mailed the link to the copy",
  "copy.fetched": "fetched the copy",
  "correction.made": "put something right",
  "correction.done": "found the old value nowhere any more",
  "deletion.prepared": "prepared the deletion",
  "deletion.approved": "approved the deletion",
  "deletion.withdrawn": "withdrew the prepared deletion",
  "nominee.prepared": "judged what the nominee has shown",
  "nominee.approved": "approved what the nominee may do",
  "nominee.withdrawn": "withdrew what was prepared for the nominee",
  "nominee.copied": "fetched the copy",
  "restriction.began": "put everything out of use",
  "restriction.lifted": "lifted the restriction",
};

export const actWords = (action: string): string => ACT_WORDS[action] ?? action;

/** What was written. What is kept of an answer begins with the code of how the case ended. */
export function entryWords({ kind, text }: Pick<DeskCasePage["entries"][number], "kind" | "text">): string {
  if (kind !== "change") return text;
  return text.replace(/^Answered \((\w+)\)/, (whole, code: string) =>
    code in OUTCOME_WORDS
      ? `Answered (${OUTCOME_WORDS[code as keyof typeof OUTCOME_WORDS].toLowerCase()})`
      : whole,
  );
}

export function dueWords(daysLeft: number): string {
  if (daysLeft < 0) return `${-daysLeft} ${daysLeft === -1 ? "day" : "days"} late`;
  if (daysLeft === 0) return "due today";
  return `${daysLeft} ${daysLeft === 1 ? "day" : "days"} left`;
}

export const FACT_WORDS: Record<DeskCasePage["corrections"][number]["what"][number], string> = {
  name: "Name",
  company: "Company",
  phone: "Number",
  email: "E-mail",
  mobile: "Mobile",
};
