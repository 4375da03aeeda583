import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useNavigate, useRouter } from "@tanstack/react-router";
import { type ComponentType, lazy, type ReactNode, Suspense, useEffect, useState } from "react";
import { forgetAllButSession } from "../api/forget";
import { sessionQuery } from "../api/queries";
import type { Session } from "../api/types";
import {
  AskIcon,
  CallsIcon,
  CreditsIcon,
  LeadsIcon,
  PhoneIcon,
  QueueIcon,
  SearchIcon,
  SettingsIcon,
  ShieldIcon,
  TeamIcon,
  WallIcon,
} from "../components/icons";
import { useKey } from "../components/useKey";
import { Live } from "../live/Live";
import { BalanceChip } from "./BalanceChip";
import { ConnectionDot } from "./ConnectionDot";
import { EmailNotice } from "./EmailNotice";
import { LookBanner } from "./LookBanner";
import { PolicyNotice } from "./PolicyNotice";
import classes from "./Shell.module.css";
import { SignOut } from "./SignOut";
import { UseNotice } from "./UseNotice";

const Palette = lazy(() => import("./Palette").then((module) => ({ default: module.Palette })));
const KeyHelp = lazy(() => import("./KeyHelp").then((module) => ({ default: module.KeyHelp })));

interface Place {
  to:
    | "/call"
    | "/queue"
    | "/calls"
    | "/wall"
    | "/leads"
    | "/ask"
    | "/credits"
    | "/team"
    | "/privacy"
    | "/settings";
  label: string;
  icon: ComponentType<{ size?: number }>;
  /** Shown only to those who see the team's calls. */
  ofTeam?: true;
  /** Where there is nothing to read for who only looks. */
  acts?: true;
}

const WORK: readonly Place[] = [
  { to: "/call", label: "Call", icon: PhoneIcon, acts: true },
  { to: "/queue", label: "Queue", icon: QueueIcon, acts: true },
  { to: "/calls", label: "Calls", icon: CallsIcon },
  { to: "/wall", label: "Wall", icon: WallIcon, ofTeam: true, acts: true },
  { to: "/leads", label: "Leads", icon: LeadsIcon },
  { to: "/ask", label: "Ask", icon: AskIcon },
  { to: "/credits", label: "Credits", icon: CreditsIcon },
  { to: "/team", label: "Team", icon: TeamIcon },
];
const OWN: readonly Place[] = [
  { to: "/privacy", label: "Privacy", icon: ShieldIcon },
  { to: "/settings", label: "Settings", icon: SettingsIcon },
];

function NavLink({ place }: { place: Place }) {
  const Icon = place.icon;
  return (
    <Link to={place.to} className={classes.link} activeOptions={{ includeSearch: false }}>
      <Icon />
      {place.label}
    </Link>
  );
}

/** The frame around every page for signed-in people; leaves for the sign-in page when the session ends. */
export function Shell() {
  const { data: session } = useQuery(sessionQuery);
  const client = useQueryClient();
  const router = useRouter();
  const ended = session !== undefined && session.state !== "signed_in";
  // Once for each end, and from the address at that moment: this page is still drawn while the next one loads.
  useEffect(() => {
    if (!ended) return;
    // Nothing is drawn any more, and whoever sits here next finds nothing in memory either.
    forgetAllButSession(client);
    const next = router.state.location.href;
    void router.navigate({ to: "/sign-in", search: { next }, replace: true });
  }, [ended, router, client]);
  const mustAnswer = session?.must_answer_policy === true;
  useEffect(() => {
    if (!mustAnswer) return;
    const next = router.state.location.href;
    void router.navigate({ to: "/policy-question", search: { next }, replace: true });
  }, [mustAnswer, router]);
  if (!session || ended || mustAnswer || !session.user || !session.workspace) return null;
  const { user, workspace, permissions, look } = session;
  const work = WORK.filter(
    (place) => (!place.ofTeam || permissions?.see_team) && (look === null || !place.acts),
  );
  return (
    <Line session={session}>
      <div className={look ? `${classes.shell} ${classes.looked}` : classes.shell}>
        <a href="#main" className={classes.skip}>
          Skip to the page
        </a>
        {look && <LookBanner look={look} seenAs={`${user.first_name} ${user.last_name}`} />}
        <header className={classes.head}>
          <Link to="/call" className={classes.brand}>
            <img src="/mark.svg" alt="" width={20} height={20} />
            Klosesales
          </Link>
          <TopBar userId={user.id} isLive={look === null} />
        </header>
        <nav className={classes.nav} aria-label="Main">
          {work.map((place) => (
            <NavLink key={place.to} place={place} />
          ))}
          <div className={classes.below}>
            {/* What is the member's own is no part of a look. */}
            {look === null && OWN.map((place) => <NavLink key={place.to} place={place} />)}
            <div className={classes.who}>
              <strong>
                {user.first_name} {user.last_name}
              </strong>
              {workspace.name}
            </div>
            {look === null && <SignOut where="menu" />}
          </div>
        </nav>
        {/* In a look little or nothing in it takes the focus, and it has to be scrolled all the same. */}
        <main id="main" className={classes.main} tabIndex={look === null ? -1 : 0}>
          {look === null && <PolicyNotice />}
          {look === null && session.use_refused && <UseNotice why={session.use_refused} />}
          {look === null && !user.email_verified && <EmailNotice email={user.email} />}
          <Outlet />
        </main>
      </div>
    </Line>
  );
}

/** The socket; a look has none. */
function Line({ session, children }: { session: Session; children: ReactNode }) {
  const { user, workspace, live_socket_url } = session;
  if (!user || !workspace || !live_socket_url) return children;
  return (
    <Live userId={user.id} workspaceId={workspace.id} socketUrl={live_socket_url}>
      {children}
    </Live>
  );
}

function TopBar({ userId, isLive }: { userId: string; isLive: boolean }) {
  const [open, setOpen] = useState<"palette" | "help" | null>(null);
  const navigate = useNavigate();
  useKey("?", () => setOpen("help"));
  useKey("/", () => setOpen("palette"));
  useEffect(() => {
    function pressed(event: KeyboardEvent): void {
      if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      setOpen((now) => (now === "palette" ? null : "palette"));
    }
    window.addEventListener("keydown", pressed);
    return () => window.removeEventListener("keydown", pressed);
  }, []);
  return (
    <div className={classes.top}>
      <button type="button" className={classes.search} onClick={() => setOpen("palette")} aria-label="Search">
        <SearchIcon size={16} />
        <span className={classes.searchWords}>Search or go to</span>
        <kbd>Ctrl K</kbd>
      </button>
      <div className={classes.spacer} />
      {isLive && <ConnectionDot />}
      <BalanceChip userId={userId} />
      {isLive && <SignOut where="top" />}
      <Suspense fallback={null}>
        {open === "palette" && (
          <Palette
            onClose={() => setOpen(null)}
            onHelp={() => setOpen("help")}
            onGo={(to) => void navigate(to)}
          />
        )}
        {open === "help" && <KeyHelp onClose={() => setOpen(null)} />}
      </Suspense>
    </div>
  );
}
