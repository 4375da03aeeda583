import { Link, Outlet, useLocation } from "@tanstack/react-router";
import { Page } from "../components/Page";
import { PublicFrame } from "../components/PublicFrame";
import { LookBanner } from "./LookBanner";
import { useSessionIfAny } from "./useSession";

/** What a look may ask the server for; the other open pages are about whoever has the link or the number. */
const IN_LOOK = new Set(["/policy", "/policy/recipients", "/policy/contact"]);

/** Around every page that needs no account. In a look the banner stands over it, and what a look does not open is not asked for. */
export function OpenPages() {
  const { data: session, isLoading } = useSessionIfAny();
  const opens = useLocation({ select: ({ pathname }) => IN_LOOK.has(pathname) });
  if (isLoading && !opens) return null;
  const { look, user } = session ?? {};
  return (
    <>
      {look && user && <LookBanner look={look} seenAs={`${user.first_name} ${user.last_name}`} />}
      {look && !opens ? <NoPartOfLook /> : <Outlet />}
    </>
  );
}

function NoPartOfLook() {
  return (
    <PublicFrame>
      <Page title="No part of a look" width="narrow">
        <p>
          A look opens the pages of the workspace, and this is none of them. End the look to come here as
          yourself, or <Link to="/calls">go on with the calls</Link>.
        </p>
      </Page>
    </PublicFrame>
  );
}
