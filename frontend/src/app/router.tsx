import {
  createRoute,
  createRouter,
  lazyRouteComponent,
  notFound,
  Outlet,
  redirect,
} from "@tanstack/react-router";
import { sessionQuery } from "../api/queries";
import type { CallStatus, DeliveryState, Provider, Result, ResultFilter, Session } from "../api/types";
import { FailedPage } from "./FailedPage";
import { queryClient } from "./queryClient";
import { root } from "./root";
import { Shell } from "./Shell";
import { safeNext } from "./safeNext";
import { creditsSearch, id, text, whole } from "./searches";
import { staffRoutes } from "./staffRoutes";

const words = (value: unknown): string | undefined =>
  typeof value === "number" ? String(value) : text(value);

/** What the server tells a page to which a provider's answer has led. refused: the code of why not. */
interface Returned {
  refused?: string;
  by?: Provider;
}
const returned = (search: Record<string, unknown>): Returned => ({
  refused: text(search.refused),
  by: search.by === "google" || search.by === "facebook" ? search.by : undefined,
});

interface Guest extends Returned {
  next?: string;
  /** Whoever comes from a provider has been sent no passcode yet. */
  send?: boolean;
}
const guestSearch = (search: Record<string, unknown>): Guest => ({
  next: text(search.next),
  send: search.send === true ? true : undefined,
  ...returned(search),
});

const home = createRoute({
  getParentRoute: () => root,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/call", replace: true });
  },
});

/** Pages for those who are not signed in; who is, goes on to where they wanted to go. */
const guest = createRoute({
  getParentRoute: () => root,
  id: "guest",
  validateSearch: guestSearch,
  component: Outlet,
  beforeLoad: async ({ search, location }) => {
    const session = await queryClient.ensureQueryData(sessionQuery);
    if (session.state === "signed_in") throw redirect({ href: safeNext(search.next), replace: true });
    if (session.state === "awaiting_otp" && location.pathname !== "/verify") {
      throw redirect({ to: "/verify", search: { next: search.next }, replace: true });
    }
    if (session.state === "anonymous" && location.pathname === "/verify") {
      throw redirect({ to: "/sign-in", search: { next: search.next }, replace: true });
    }
  },
});
const signIn = createRoute({
  getParentRoute: () => guest,
  path: "/sign-in",
  component: lazyRouteComponent(() => import("../pages/auth/SignInPage"), "SignInPage"),
});
const signUp = createRoute({
  getParentRoute: () => guest,
  path: "/sign-up",
  component: lazyRouteComponent(() => import("../pages/auth/SignUpPage"), "SignUpPage"),
});
const finishSignUp = createRoute({
  getParentRoute: () => guest,
  path: "/sign-up/finish",
  component: lazyRouteComponent(() => import("../pages/auth/FinishSignUpPage"), "FinishSignUpPage"),
});
const verify = createRoute({
  getParentRoute: () => guest,
  path: "/verify",
  component: lazyRouteComponent(() => import("../pages/auth/VerifyPage"), "VerifyPage"),
});

const forgotPassword = createRoute({
  getParentRoute: () => guest,
  path: "/forgot-password",
  component: lazyRouteComponent(() => import("../pages/auth/ForgotPasswordPage"), "ForgotPasswordPage"),
});
/** For whoever has the mailed link, signed in or not. */
const newPassword = createRoute({
  getParentRoute: () => root,
  path: "/new-password",
  // Brings what proves that the request comes from our own page.
  beforeLoad: () => queryClient.ensureQueryData(sessionQuery),
  component: lazyRouteComponent(() => import("../pages/auth/NewPasswordPage"), "NewPasswordPage"),
});

const join = createRoute({
  getParentRoute: () => root,
  path: "/join",
  beforeLoad: () => queryClient.ensureQueryData(sessionQuery),
  component: lazyRouteComponent(() => import("../pages/auth/JoinPage"), "JoinPage"),
});

const policy = createRoute({
  getParentRoute: () => root,
  path: "/policy",
  validateSearch: (search: Record<string, unknown>): { version?: string } => ({
    version: text(search.version),
  }),
  component: lazyRouteComponent(() => import("../pages/policy/PolicyPage"), "PolicyPage"),
});
const policyChanges = createRoute({
  getParentRoute: () => root,
  path: "/policy/changes",
  validateSearch: (search: Record<string, unknown>): { version?: string; since?: string } => ({
    version: text(search.version),
    since: text(search.since),
  }),
  component: lazyRouteComponent(() => import("../pages/policy/ChangesPage"), "ChangesPage"),
});
const policyData = createRoute({
  getParentRoute: () => root,
  path: "/policy/data",
  component: lazyRouteComponent(() => import("../pages/policy/DataPage"), "DataPage"),
});
const policyRecipients = createRoute({
  getParentRoute: () => root,
  path: "/policy/recipients",
  component: lazyRouteComponent(() => import("../pages/policy/RecipientsPage"), "RecipientsPage"),
});

const textsStopped = createRoute({
  getParentRoute: () => root,
  path: "/texts-stopped",
  component: lazyRouteComponent(() => import("../pages/privacy/TextsStoppedPage"), "TextsStoppedPage"),
});

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

const policyQuestion = createRoute({
  getParentRoute: () => root,
  path: "/policy-question",
  validateSearch: (search: Record<string, unknown>): { next?: string } => ({ next: text(search.next) }),
  beforeLoad: async ({ location }) => {
    await requireSession({ location });
  },
  component: lazyRouteComponent(() => import("../pages/policy/QuestionPage"), "QuestionPage"),
});
/** A person's rights depend on no answer. */
const rights = createRoute({
  getParentRoute: () => root,
  path: "/rights",
  beforeLoad: async ({ location }) => {
    await requireSession({ location });
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
  path: "/call",
  validateSearch: (search: Record<string, unknown>): { lead?: string; call?: string } => ({
    lead: id(search.lead),
    call: id(search.call),
  }),
  component: lazyRouteComponent(() => import("../pages/call/CallPage"), "CallPage"),
});
const queue = createRoute({
  getParentRoute: () => app,
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
  path: "/privacy",
  component: lazyRouteComponent(() => import("../pages/privacy/PrivacyPage"), "PrivacyPage"),
});
const settings = createRoute({
  getParentRoute: () => app,
  path: "/settings",
  validateSearch: (search: Record<string, unknown>): Returned & { linked?: Provider } => ({
    ...returned(search),
    linked: search.linked === "google" || search.linked === "facebook" ? search.linked : undefined,
  }),
  component: lazyRouteComponent(() => import("../pages/settings/SettingsPage"), "SettingsPage"),
});
const webhooks = createRoute({
  getParentRoute: () => app,
  path: "/settings/webhooks",
  validateSearch: (search: Record<string, unknown>): { webhook?: string; state?: DeliveryState } => ({
    webhook: id(search.webhook),
    state: text(search.state) as DeliveryState | undefined,
  }),
  component: lazyRouteComponent(() => import("../pages/webhooks/WebhooksPage"), "WebhooksPage"),
});

const myData = createRoute({
  getParentRoute: () => root,
  path: "/my-data",
  // Brings what proves that the request comes from our own page.
  beforeLoad: () => queryClient.ensureQueryData(sessionQuery),
  component: lazyRouteComponent(() => import("../pages/my-data/MyDataPage"), "MyDataPage"),
});

const erased = createRoute({
  getParentRoute: () => root,
  path: "/erased/$token",
  component: lazyRouteComponent(() => import("../pages/privacy/ErasedPage"), "ErasedPage"),
});

const routeTree = root.addChildren([
  home,
  guest.addChildren([signIn, signUp, finishSignUp, verify, forgotPassword]),
  newPassword,
  join,
  policy,
  policyChanges,
  policyData,
  policyRecipients,
  policyQuestion,
  rights,
  textsStopped,
  myData,
  erased,
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
