import { createRoute, lazyRouteComponent, redirect } from "@tanstack/react-router";
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

export const staffRoutes = [signIn, enrol, staff.addChildren([home, people, record])] as const;
