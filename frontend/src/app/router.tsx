import { createRoute, createRouter, lazyRouteComponent, notFound, redirect } from "@tanstack/react-router";
import { sessionQuery } from "../api/queries";
import type { CallStatus, DeliveryState, Provider, Result, ResultFilter, Session } from "../api/types";
import { FailedPage } from "./FailedPage";
import { openRoutes } from "./openRoutes";
import { queryClient } from "./queryClient";
import { root } from "./root";
import { Shell } from "./Shell";
import { creditsSearch, id, type Returned, returned, text, whole } from "./searches";
import { staffRoutes } from "./staffRoutes";

const words = (value: unknown): string | undefined =>
  typeof value === "number" ? String(value) : text(value);

/** Sends those away who are not signed in; they come back after it. */
async function requireSession({ location }: { location: { href: string } }): Promise<Session> {
  const session = await queryClient.ensureQueryData(sessionQuery);
  if (session.state === "anonymous") {
    throw redirect({ to: "/sign-in", search: { next: location.href }, replace: true });
  }
  if (session.state === "awaiting_otp") {
    throw redirect({ to: "/verify", search: { next: location.href }, replace: true });
  }
  return session;
}

/** And those who have to answer a changed policy before the product goes on. */
async function requireSignedIn({ location }: { location: { href: string } }): Promise<void> {
  const session = await requireSession({ location });
  if (session.must_answer_policy) {
    throw redirect({ to: "/policy-question", search: { next: location.href }, replace: true });
  }
}

/** What is only for doing something, or is the member's own, is no part of a look. */
async function notInLook({ search }: { search: object }): Promise<void> {
  const session = await queryClient.ensureQueryData(sessionQuery);
  const lead = "lead" in search ? id(search.lead) : undefined;
  if (session.look) throw redirect({ to: "/calls", search: { lead }, replace: true });
}

const policyQuestion = createRoute({
  getParentRoute: () => root,
  path: "/policy-question",
  validateSearch: (search: Record<string, unknown>): { next?: string } => ({ next: text(search.next) }),
  beforeLoad: async (visit) => {
    await requireSession(visit);
    await notInLook(visit);
  },
  component: lazyRouteComponent(() => import("../pages/policy/QuestionPage"), "QuestionPage"),
});
/** A person's rights depend on no answer. */
const rights = createRoute({
  getParentRoute: () => root,
  path: "/rights",
  beforeLoad: async (visit) => {
    await requireSession(visit);
    await notInLook(visit);
  },
  component: lazyRouteComponent(() => import("../pages/privacy/RightsPage"), "RightsPage"),
});

/** Everything for those who are signed in. */
const app = createRoute({
  getParentRoute: () => root,
  id: "app",
  component: Shell,
  beforeLoad: requireSignedIn,
});
const call = createRoute({
  getParentRoute: () => app,
  beforeLoad: notInLook,
  path: "/call",
  validateSearch: (search: Record<string, unknown>): { lead?: string; call?: string } => ({
    lead: id(search.lead),
    call: id(search.call),
  }),
  component: lazyRouteComponent(() => import("../pages/call/CallPage"), "CallPage"),
});
const queue = createRoute({
  getParentRoute: () => app,
  beforeLoad: notInLook,
  path: "/queue",
  component: lazyRouteComponent(() => import("../pages/queue/QueuePage"), "QueuePage"),
});
const calls = createRoute({
  getParentRoute: () => app,
  path: "/calls",
  validateSearch: (
    search: Record<string, unknown>,
  ): { lead?: string; status?: CallStatus; disposition?: Result } => ({
    lead: id(search.lead),
    status: text(search.status) as CallStatus | undefined,
    disposition: text(search.disposition) as Result | undefined,
  }),
  component: lazyRouteComponent(() => import("../pages/calls/CallsPage"), "CallsPage"),
});
const oneCall = createRoute({
  getParentRoute: () => app,
  path: "/calls/$callId",
  // What is no identifier is no call either; the server would end the socket that follows it.
  beforeLoad: ({ params }) => {
    if (!id(params.callId)) throw notFound();
  },
  validateSearch: (search: Record<string, unknown>): { at?: number } => {
    const at = Number(search.at);
    return Number.isFinite(at) && at > 0 ? { at } : {};
  },
  component: lazyRouteComponent(() => import("../pages/calls/OneCallPage"), "OneCallPage"),
});
const wall = createRoute({
  getParentRoute: () => app,
  beforeLoad: notInLook,
  path: "/wall",
  component: lazyRouteComponent(() => import("../pages/wall/WallPage"), "WallPage"),
});
interface LeadsSearch {
  search?: string;
  tag?: string;
  disposition?: ResultFilter;
  /** Whose history is shown. */
  history?: string;
  add?: boolean;
}
const leads = createRoute({
  getParentRoute: () => app,
  path: "/leads",
  validateSearch: (search: Record<string, unknown>): LeadsSearch => ({
    // What consists of digits alone is read as a number.
    search: words(search.search),
    tag: words(search.tag),
    disposition: text(search.disposition) as ResultFilter | undefined,
    history: id(search.history),
    add: search.add === true ? true : undefined,
  }),
  component: lazyRouteComponent(() => import("../pages/leads/LeadsPage"), "LeadsPage"),
});
const ask = createRoute({
  getParentRoute: () => app,
  path: "/ask",
  component: lazyRouteComponent(() => import("../pages/ask/AskPage"), "AskPage"),
});
const credits = createRoute({
  getParentRoute: () => app,
  path: "/credits",
  validateSearch: creditsSearch,
  component: lazyRouteComponent(() => import("../pages/credits/CreditsPage"), "CreditsPage"),
});
/** Stands outside the shell: every way into it and out of it loads a new document, so that Paddle's script lives here
 * and on no other page. In a look nothing is bought. */
const checkout = createRoute({
  getParentRoute: () => root,
  beforeLoad: async (visit) => {
    await requireSignedIn(visit);
    const session = await queryClient.ensureQueryData(sessionQuery);
    if (session.look) throw redirect({ to: "/credits", replace: true });
  },
  path: "/credits/checkout",
  validateSearch: (
    search: Record<string, unknown>,
  ): {
    pack?: string;
    intent?: string;
    top_up?: string;
    below?: number;
    times?: number;
    words?: string;
  } => ({
    pack: text(search.pack),
    intent: text(search.intent),
    top_up: text(search.top_up),
    below: whole(search.below),
    times: whole(search.times),
    // A hash of digits alone would be read as a number.
    words: search.words === undefined ? undefined : String(search.words),
  }),
  component: lazyRouteComponent(() => import("../pages/credits/CheckoutPage"), "CheckoutPage"),
});
const team = createRoute({
  getParentRoute: () => app,
  path: "/team",
  component: lazyRouteComponent(() => import("../pages/team/TeamPage"), "TeamPage"),
});
const privacy = createRoute({
  getParentRoute: () => app,
  beforeLoad: notInLook,
  path: "/privacy",
  component: lazyRouteComponent(() => import("../pages/privacy/PrivacyPage"), "PrivacyPage"),
});
const settings = createRoute({
  getParentRoute: () => app,
  beforeLoad: notInLook,
  path: "/settings",
  validateSearch: (search: Record<string, unknown>): Returned & { linked?: Provider } => ({
    ...returned(search),
    linked: search.linked === "google" || search.linked === "facebook" ? search.linked : undefined,
  }),
  component: lazyRouteComponent(() => import("../pages/settings/SettingsPage"), "SettingsPage"),
});
const webhooks = createRoute({
  getParentRoute: () => app,
  beforeLoad: notInLook,
  path: "/settings/webhooks",
  validateSearch: (search: Record<string, unknown>): { webhook?: string; state?: DeliveryState } => ({
    webhook: id(search.webhook),
    state: text(search.state) as DeliveryState | undefined,
  }),
  component: lazyRouteComponent(() => import("../pages/webhooks/WebhooksPage"), "WebhooksPage"),
});

const routeTree = root.addChildren([
  ...openRoutes,
  policyQuestion,
  rights,
  checkout,
  ...staffRoutes,
  app.addChildren([
    call,
    queue,
    calls,
    oneCall,
    wall,
    leads,
    ask,
    credits,
    team,
    privacy,
    settings,
    webhooks,
  ]),
]);

export const router = createRouter({
  routeTree,
  defaultPreload: "intent",
  defaultPreloadStaleTime: 0,
  defaultErrorComponent: FailedPage,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
