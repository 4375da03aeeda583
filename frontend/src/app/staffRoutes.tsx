import { createRoute, lazyRouteComponent, redirect } from "@tanstack/react-router";
import { CASES_SHOWN, type CasesShown } from "../api/deskQueries";
import { staffSessionQuery } from "../api/staffQueries";
import { queryClient } from "./queryClient";
import { root } from "./root";

/** The entrance of our own people. It asks for their session and for nobody else's. */
const signIn = createRoute({
  getParentRoute: () => root,
  path: "/staff/sign-in",
  beforeLoad: async () => {
    const session = await queryClient.ensureQueryData(staffSessionQuery);
    if (session.state === "signed_in") throw redirect({ to: "/staff", replace: true });
  },
  component: lazyRouteComponent(() => import("../pages/staff/StaffSignInPage"), "StaffSignInPage"),
});
/** For whoever has the one-time link. */
const enrol = createRoute({
  getParentRoute: () => root,
  path: "/staff/enrol",
  // Brings what proves that the request comes from our own page.
  beforeLoad: () => queryClient.ensureQueryData(staffSessionQuery),
  component: lazyRouteComponent(() => import("../pages/staff/EnrolPage"), "EnrolPage"),
});

const staff = createRoute({
  getParentRoute: () => root,
  id: "staff",
  beforeLoad: async () => {
    const session = await queryClient.ensureQueryData(staffSessionQuery);
    if (session.state !== "signed_in") throw redirect({ to: "/staff/sign-in", replace: true });
  },
  component: lazyRouteComponent(() => import("../pages/staff/StaffShell"), "StaffShell"),
});
const home = createRoute({
  getParentRoute: () => staff,
  path: "/staff",
  beforeLoad: async () => {
    const session = await queryClient.ensureQueryData(staffSessionQuery);
    if (session.permissions && !session.permissions.look)
      throw redirect({ to: "/staff/people", replace: true });
  },
  component: lazyRouteComponent(() => import("../pages/staff/LooksPage"), "LooksPage"),
});
const cases = createRoute({
  getParentRoute: () => staff,
  path: "/staff/cases",
  validateSearch: (search: Record<string, unknown>): { show?: CasesShown; add?: boolean } => ({
    show: CASES_SHOWN.find((each) => each === search.show),
    add: search.add === true ? true : undefined,
  }),
  component: lazyRouteComponent(() => import("../pages/staff/desk/CasesPage"), "CasesPage"),
});
const oneCase = createRoute({
  getParentRoute: () => staff,
  path: "/staff/cases/$reference",
  component: lazyRouteComponent(() => import("../pages/staff/desk/CasePage"), "CasePage"),
});
const orders = createRoute({
  getParentRoute: () => staff,
  path: "/staff/orders",
  component: lazyRouteComponent(() => import("../pages/staff/registers/OrdersPage"), "OrdersPage"),
});
const recipients = createRoute({
  getParentRoute: () => staff,
  path: "/staff/recipients",
  component: lazyRouteComponent(() => import("../pages/staff/registers/RecipientsPage"), "RecipientsPage"),
});
const holds = createRoute({
  getParentRoute: () => staff,
  path: "/staff/holds",
  component: lazyRouteComponent(() => import("../pages/staff/registers/HoldsPage"), "HoldsPage"),
});
const breaches = createRoute({
  getParentRoute: () => staff,
  path: "/staff/breaches",
  component: lazyRouteComponent(() => import("../pages/staff/registers/BreachesPage"), "BreachesPage"),
});
const reviews = createRoute({
  getParentRoute: () => staff,
  path: "/staff/reviews",
  component: lazyRouteComponent(() => import("../pages/staff/registers/ReviewsPage"), "ReviewsPage"),
});
const accounts = createRoute({
  getParentRoute: () => staff,
  path: "/staff/accounts",
  component: lazyRouteComponent(() => import("../pages/staff/AccountsPage"), "AccountsPage"),
});
const people = createRoute({
  getParentRoute: () => staff,
  path: "/staff/people",
  component: lazyRouteComponent(() => import("../pages/staff/PeoplePage"), "PeoplePage"),
});
const record = createRoute({
  getParentRoute: () => staff,
  path: "/staff/record",
  component: lazyRouteComponent(() => import("../pages/staff/RecordPage"), "RecordPage"),
});

export const staffRoutes = [
  signIn,
  enrol,
  staff.addChildren([
    home,
    cases,
    oneCase,
    orders,
    holds,
    recipients,
    breaches,
    reviews,
    accounts,
    people,
    record,
  ]),
] as const;
