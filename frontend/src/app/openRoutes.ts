/** The pages that need nobody to be signed in. */
import { createRoute, lazyRouteComponent, Outlet, redirect } from "@tanstack/react-router";
import { sessionQuery } from "../api/queries";
import { OpenPages } from "./OpenPages";
import { queryClient } from "./queryClient";
import { root } from "./root";
import { safeNext } from "./safeNext";
import { type Returned, returned, text } from "./searches";

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
/** The pages that are the same for everybody, signed in or not. */
const open = createRoute({ getParentRoute: () => root, id: "open", component: OpenPages });

/** For whoever has the mailed link, signed in or not. */
const newPassword = createRoute({
  getParentRoute: () => open,
  path: "/new-password",
  // Brings what proves that the request comes from our own page.
  beforeLoad: () => queryClient.ensureQueryData(sessionQuery),
  component: lazyRouteComponent(() => import("../pages/auth/NewPasswordPage"), "NewPasswordPage"),
});

/** For whoever has a mailed link about an address, signed in or not. */
const confirmEmail = createRoute({
  getParentRoute: () => open,
  path: "/confirm-email",
  // Brings what proves that the request comes from our own page.
  beforeLoad: () => queryClient.ensureQueryData(sessionQuery),
  component: lazyRouteComponent(() => import("../pages/auth/ConfirmEmailPage"), "ConfirmEmailPage"),
});

const join = createRoute({
  getParentRoute: () => open,
  path: "/join",
  validateSearch: returned,
  beforeLoad: () => queryClient.ensureQueryData(sessionQuery),
  component: lazyRouteComponent(() => import("../pages/auth/JoinPage"), "JoinPage"),
});

const policy = createRoute({
  getParentRoute: () => open,
  path: "/policy",
  validateSearch: (search: Record<string, unknown>): { version?: string } => ({
    version: text(search.version),
  }),
  component: lazyRouteComponent(() => import("../pages/policy/PolicyPage"), "PolicyPage"),
});
const policyChanges = createRoute({
  getParentRoute: () => open,
  path: "/policy/changes",
  validateSearch: (search: Record<string, unknown>): { version?: string; since?: string } => ({
    version: text(search.version),
    since: text(search.since),
  }),
  component: lazyRouteComponent(() => import("../pages/policy/ChangesPage"), "ChangesPage"),
});
const policyData = createRoute({
  getParentRoute: () => open,
  path: "/policy/data",
  component: lazyRouteComponent(() => import("../pages/policy/DataPage"), "DataPage"),
});
const policyRecipients = createRoute({
  getParentRoute: () => open,
  path: "/policy/recipients",
  component: lazyRouteComponent(() => import("../pages/policy/RecipientsPage"), "RecipientsPage"),
});
const policyContact = createRoute({
  getParentRoute: () => open,
  path: "/policy/contact",
  component: lazyRouteComponent(() => import("../pages/policy/ContactPage"), "ContactPage"),
});

const textsStopped = createRoute({
  getParentRoute: () => open,
  path: "/texts-stopped",
  component: lazyRouteComponent(() => import("../pages/privacy/TextsStoppedPage"), "TextsStoppedPage"),
});

const myData = createRoute({
  getParentRoute: () => open,
  path: "/my-data",
  // Brings what proves that the request comes from our own page.
  beforeLoad: () => queryClient.ensureQueryData(sessionQuery),
  component: lazyRouteComponent(() => import("../pages/my-data/MyDataPage"), "MyDataPage"),
});

const nominee = createRoute({
  getParentRoute: () => open,
  path: "/nominee",
  // Brings what proves that the request comes from our own page.
  beforeLoad: () => queryClient.ensureQueryData(sessionQuery),
  component: lazyRouteComponent(() => import("../pages/nominee/NomineePage"), "NomineePage"),
});

const request = createRoute({
  getParentRoute: () => open,
  path: "/request",
  // Brings what proves that the request comes from our own page.
  beforeLoad: () => queryClient.ensureQueryData(sessionQuery),
  component: lazyRouteComponent(() => import("../pages/request/RequestPage"), "RequestPage"),
});

const erased = createRoute({
  getParentRoute: () => open,
  path: "/erased/$token",
  component: lazyRouteComponent(() => import("../pages/privacy/ErasedPage"), "ErasedPage"),
});

export const openRoutes = [
  home,
  guest.addChildren([signIn, signUp, finishSignUp, verify, forgotPassword]),
  open.addChildren([
    newPassword,
    confirmEmail,
    join,
    policy,
    policyChanges,
    policyData,
    policyRecipients,
    policyContact,
    textsStopped,
    myData,
    nominee,
    request,
    erased,
  ]),
] as const;
