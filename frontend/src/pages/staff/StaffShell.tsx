import { Button } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link, Outlet, useRouter } from "@tanstack/react-router";
import { useEffect } from "react";
import { answer, api } from "../../api/client";
import { staffSessionQuery } from "../../api/staffQueries";
import type { StaffSession } from "../../api/types";
import { STAFF_ROLE_WORDS } from "../team/lookWords";
import classes from "./Staff.module.css";

interface Place {
  to:
    | "/staff"
    | "/staff/cases"
    | "/staff/orders"
    | "/staff/holds"
    | "/staff/recipients"
    | "/staff/breaches"
    | "/staff/reviews"
    | "/staff/accounts"
    | "/staff/people"
    | "/staff/record";
  label: string;
  needs: keyof NonNullable<StaffSession["permissions"]>;
}

const PLACES: readonly Place[] = [
  { to: "/staff/cases", label: "Cases", needs: "answer" },
  { to: "/staff", label: "Looks", needs: "look" },
  { to: "/staff/orders", label: "Orders", needs: "decide" },
  { to: "/staff/holds", label: "Holds", needs: "decide" },
  { to: "/staff/recipients", label: "Recipients", needs: "decide" },
  { to: "/staff/breaches", label: "Breaches", needs: "decide" },
  { to: "/staff/reviews", label: "Reviews", needs: "decide" },
  { to: "/staff/accounts", label: "Accounts", needs: "decide" },
  { to: "/staff/record", label: "Record", needs: "read_record" },
  { to: "/staff/people", label: "People", needs: "manage_staff" },
];

/** The frame around the pages of our own people. */
export function StaffShell() {
  const { data: session } = useQuery(staffSessionQuery);
  const router = useRouter();
  const ended = session !== undefined && session.state !== "signed_in";
  useEffect(() => {
    if (ended) void router.navigate({ to: "/staff/sign-in", replace: true });
  }, [ended, router]);
  const leave = useMutation({
    mutationFn: () => answer(api.POST("/api/staff/signout")),
    // A new document, so that nothing that was seen stays in this tab.
    onSettled: () => window.location.assign("/staff/sign-in"),
  });
  if (!session?.permissions || !session.role) return null;
  const { permissions } = session;
  return (
    <>
      <header className={classes.head}>
        <span className={classes.brand}>
          <img src="/mark.svg" alt="" width={20} height={20} />
          Klosesales staff
        </span>
        <nav className={classes.nav} aria-label="Staff">
          {PLACES.filter((place) => permissions[place.needs]).map((place) => (
            <Link
              key={place.to}
              to={place.to}
              className={classes.link}
              activeOptions={{ exact: place.to === "/staff", includeSearch: false }}
            >
              {place.label}
            </Link>
          ))}
        </nav>
        <span className={classes.who}>
          {session.first_name}, {STAFF_ROLE_WORDS[session.role].toLowerCase()}
        </span>
        <Button
          variant="default"
          size="compact-sm"
          onClick={() => leave.mutate()}
          loading={leave.isPending || leave.isSuccess}
        >
          Sign out
        </Button>
      </header>
      <main>
        <Outlet />
      </main>
    </>
  );
}
