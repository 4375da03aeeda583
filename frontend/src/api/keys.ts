import type { EntryKind, ResultFilter, TopUpTerms } from "./types";

/** Which leads. search: words or digits; tag: as the workspace writes it. */
export interface LeadFilters {
  search?: string;
  tag?: string;
  disposition?: ResultFilter;
}

/** What of the statement is asked for. since: inclusive, until: exclusive, ISO. */
export interface StatementFilters {
  kind?: EntryKind;
  since?: string;
  until?: string;
  user_id?: string;
  call_id?: string;
}

/** The names of everything in the query cache; `live/apply.ts` and the pages use the same. */
export const keys = {
  session: ["session"] as const,
  contact: ["contact"] as const,
  policy: ["policy"] as const,
  policyVersion: (version: string | undefined) => ["policy", "version", version] as const,
  policyVersions: ["policy", "versions"] as const,
  policyChanges: (of: { version?: string; since?: string }) => ["policy", "changes", of] as const,
  policyNotice: ["policy-notice"] as const,
  dataKinds: ["data-kinds"] as const,
  processors: ["processors"] as const,
  socialSignUp: ["social-sign-up"] as const,
  waysIn: ["ways-in"] as const,
  devices: ["devices"] as const,
  team: ["team"] as const,
  activity: ["team", "activity"] as const,
  dialPause: ["dial-pause"] as const,
  spending: ["team", "spending"] as const,
  teamLooks: ["team", "looks"] as const,
  workspaces: ["workspaces"] as const,
  apiKeys: ["api-keys"] as const,
  webhooks: {
    all: ["webhooks"] as const,
    list: ["webhooks", "list"] as const,
    deliveries: (id: string, state?: string) => ["webhooks", "deliveries", id, state ?? null] as const,
  },
  leads: {
    all: ["leads"] as const,
    lists: ["leads", "list"] as const,
    list: (filters: LeadFilters) => ["leads", "list", filters] as const,
    history: (id: string) => ["leads", "history", id] as const,
    one: (id: string) => ["leads", "one", id] as const,
    dialChecks: ["leads", "dial-check"] as const,
    dialCheck: (id: string) => ["leads", "dial-check", id] as const,
  },
  tags: ["tags"] as const,
  queue: {
    all: ["queue"] as const,
    state: ["queue", "state"] as const,
    reservations: ["queue", "reservations"] as const,
    workers: ["queue", "workers"] as const,
  },
  calls: {
    lists: ["calls", "list"] as const,
    list: (filters: { leadId?: string; status?: string; disposition?: string }) =>
      ["calls", "list", filters] as const,
    current: ["calls", "current"] as const,
    one: (id: string) => ["calls", "one", id] as const,
    transcripts: ["calls", "transcript"] as const,
    transcript: (id: string) => ["calls", "transcript", id] as const,
    receipt: (id: string) => ["calls", "receipt", id] as const,
    insights: (id: string) => ["calls", "insights", id] as const,
    watchers: (id: string) => ["calls", "watchers", id] as const,
    notes: (id: string) => ["calls", "notes", id] as const,
    wall: ["calls", "wall"] as const,
  },
  credits: {
    balance: ["credits", "balance"] as const,
    packs: ["credits", "packs"] as const,
    statements: ["credits", "statement"] as const,
    statement: (filters: StatementFilters) => ["credits", "statement", filters] as const,
    spenders: ["credits", "spenders"] as const,
    explanation: (id: string) => ["credits", "explanation", id] as const,
    burnDowns: ["credits", "burn-down"] as const,
    burnDown: (days: number) => ["credits", "burn-down", days] as const,
    purchases: ["credits", "purchases"] as const,
    topUp: ["credits", "top-up"] as const,
    topUpWords: (terms: TopUpTerms) => ["credits", "top-up-words", terms] as const,
    checkout: (id: string) => ["credits", "checkout", id] as const,
  },
  questions: ["questions"] as const,
  staff: {
    all: ["staff"] as const,
    session: ["staff", "session"] as const,
    people: ["staff", "people"] as const,
    events: ["staff", "events"] as const,
    looks: ["staff", "looks"] as const,
    enrolment: (token: string) => ["staff", "enrolment", token] as const,
    cases: ["staff", "cases"] as const,
    queue: (show: string) => ["staff", "cases", "queue", show] as const,
    oneCase: (reference: string) => ["staff", "cases", "one", reference] as const,
    recipients: ["staff", "recipients"] as const,
    orders: ["staff", "orders"] as const,
    holds: ["staff", "holds"] as const,
    breaches: ["staff", "breaches"] as const,
    reviews: ["staff", "reviews"] as const,
  },
  myData: ["my-data"] as const,
  /** number: so that nobody sees what was shown of another number in the same browser. */
  myHeldThings: (number: string, element: string) => ["my-data", "held", number, element] as const,
  privacy: {
    all: ["privacy"] as const,
    held: ["privacy", "held"] as const,
    heldThings: (element: string) => ["privacy", "held", element] as const,
    expiring: ["privacy", "expiring"] as const,
    purposes: ["privacy", "purposes"] as const,
    consents: ["privacy", "consents"] as const,
    disclosures: ["privacy", "disclosures"] as const,
    preview: ["privacy", "preview"] as const,
    erasure: ["privacy", "erasure"] as const,
    cases: ["privacy", "cases"] as const,
    law: ["privacy", "law"] as const,
    nominee: ["privacy", "nominee"] as const,
    receipt: (token: string) => ["privacy", "receipt", token] as const,
  },
};
