import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { balanceQuery } from "../../api/creditQueries";
import { callQuery, currentCallQuery, leadQuery, leadsQuery } from "../../api/queries";
import type { DialCheck, Lead } from "../../api/types";
import { useSignedIn } from "../../app/useSession";
import { isLive } from "../../calls/status";
import { Note, ProblemNote } from "../../components/Note";
import { useTitle } from "../../components/Page";
import { useKey } from "../../components/useKey";
import { Waiting } from "../../components/Waiting";
import { useAskedInstead } from "../../live/useAskedInstead";
import { useWay } from "../../softphone/WayChoice";
import { AfterActs, AfterPanel } from "./AfterPanel";
import { AwayNote, isAway } from "./AwayNote";
import { BeforePanel, useDialCheck } from "./BeforePanel";
import classes from "./CallPage.module.css";
import { CallPanel } from "./CallPanel";
import { CallText } from "./CallText";
import { LeadPanel, nextLead, Queue } from "./LeadPanel";

export function CallPage() {
  const search = useSearch({ from: "/app/call" });
  const navigate = useNavigate({ from: "/call" });
  const { user } = useSignedIn();
  const refetchInterval = useAskedInstead();
  const current = useQuery({ ...currentCallQuery(user.id), refetchInterval });
  const nothingChosen = search.call === undefined && search.lead === undefined;
  const callId = search.call ?? (nothingChosen ? current.data?.id : undefined);
  const going = nothingChosen ? current.data : null;
  const goingId = going?.id;
  const goingLeadId = going?.lead.id;
  // Once in the address, the call stays on the page when it ends, with its receipt and its outcome.
  useEffect(() => {
    if (goingId) void navigate({ search: { lead: goingLeadId, call: goingId }, replace: true });
  }, [goingId, goingLeadId, navigate]);
  const call = useQuery({ ...callQuery(callId ?? ""), enabled: callId !== undefined, refetchInterval });
  const leadId = search.lead ?? call.data?.lead.id;
  const lead = useQuery({ ...leadQuery(leadId ?? ""), enabled: leadId !== undefined });
  const [typed, setTyped] = useState("");
  const [sought] = useDebouncedValue(typed.trim(), 200);
  const queue = useInfiniteQuery({
    ...leadsQuery(sought ? { search: sought } : {}),
    placeholderData: keepPreviousData,
  });
  const leads = queue.data?.pages.flatMap((page) => page.items) ?? [];
  const shown = callId === undefined ? undefined : call.data;
  const live = shown !== undefined && isLive(shown.status);
  const following = nextLead(leads, leadId);
  const goNext = () => following && void navigate({ search: { lead: following.id } });
  useKey("j", goNext, !live && following !== undefined);
  useTitle(lead.data ? `Call ${lead.data.first_name}` : "Call");

  // Paused: the browser itself knows that it has no network, and asks nobody.
  const away = isAway(call.error, lead.error, queue.error) || current.isPaused;
  const elsewhere = current.data && current.data.id !== callId ? current.data : null;
  return (
    <div
      className={`${classes.page} ${live ? classes.inCall : ""} ${leadId ? "" : classes.unchosen}`}
      data-fills={live ? "call" : "page"}
    >
      <aside className={classes.lead} aria-label="Lead and queue">
        {lead.data && <LeadPanel lead={lead.data} />}
        {leadId === undefined && <h1>Call</h1>}
        {!away && <ProblemNote error={lead.error} />}
        <Queue
          leads={leads}
          pages={{ ...queue, error: away ? null : queue.error }}
          chosenId={leadId}
          typed={typed}
          sought={sought}
          onType={setTyped}
        />
      </aside>
      <section className={classes.text} aria-label="What is said">
        {away && <AwayNote call={shown} />}
        {elsewhere && (
          <div className={classes.banner}>
            <Note tone="warn" role="status">
              You are in a call with {elsewhere.lead.name}.{" "}
              <Link to="/call" search={{ call: elsewhere.id, lead: elsewhere.lead.id }}>
                Go there
              </Link>
            </Note>
          </div>
        )}
        {callId !== undefined ? (
          <CallText
            key={callId}
            callId={callId}
            call={shown}
            away={away}
            refetchInterval={live ? refetchInterval : false}
          />
        ) : (
          <BeforeText lead={lead.data} />
        )}
      </section>
      <aside className={classes.panel} aria-label="Call panel">
        {!away && <ProblemNote error={call.error} />}
        {shown && (
          <CallPanel
            key={shown.id}
            call={shown}
            after={<AfterPanel call={shown} />}
            acts={<AfterActs call={shown} onNext={following && goNext} />}
          />
        )}
        {callId !== undefined && !shown && !call.error && <Waiting lines={5} what="the call" />}
        {callId === undefined && lead.data && (
          <BeforePanel
            key={lead.data.id}
            lead={lead.data}
            onStarted={(started) => void navigate({ search: { lead: started.lead.id, call: started.id } })}
          />
        )}
        {callId === undefined && leadId === undefined && (
          <p className="quiet">
            Choose a lead to see the price, their local time and whether they may be called.
          </p>
        )}
      </aside>
    </div>
  );
}

function BeforeText({ lead }: { lead: Lead | undefined }) {
  const { data: check } = useDialCheck(lead?.id);
  return (
    <div className={classes.before}>
      {lead && check ? <WhatHappens lead={lead} check={check} /> : null}
      {!lead && <FirstSteps />}
    </div>
  );
}

/** The way to the first call, for those who have not made it yet; for others just where to begin. */
function FirstSteps() {
  const { data: balance } = useQuery(balanceQuery);
  const leads = useInfiniteQuery(leadsQuery({}));
  const noLeads = leads.data?.pages[0]?.items.length === 0;
  const noCredits = balance !== undefined && balance.available_mcredits <= 0;
  if (!noLeads && !noCredits) {
    return (
      <>
        <h2>Choose whom to call</h2>
        <p className="quiet">
          You talk on your phone, which rings first, or in this page; then the lead is dialled.
        </p>
      </>
    );
  }
  return (
    <>
      <h2>To make a call</h2>
      <ol className={classes.first}>
        <li className={noCredits ? undefined : classes.done}>
          {noCredits ? (
            <>
              <Link to="/credits">Buy credits</Link>. You have none, so calling is off.
            </>
          ) : (
            "You have credits."
          )}
        </li>
        <li className={noLeads ? undefined : classes.done}>
          {noLeads ? (
            <>
              <Link to="/leads" search={{ add: true }}>
                Add a lead
              </Link>
              . A name and a number are enough.
            </>
          ) : (
            "You have leads. Choose one of them."
          )}
        </li>
        <li>Press Call. Your phone rings first, or this page connects; then the lead is dialled.</li>
      </ol>
    </>
  );
}

function WhatHappens({ lead, check }: { lead: Lead; check: DialCheck }) {
  const way = useWay(check);
  return (
    <>
      <h2>What will happen</h2>
      <p>
        {way === "browser"
          ? `This page connects with the carrier first. Then ${lead.first_name} is dialled and hears this before anything else:`
          : `Your own phone rings first. Once you answer, ${lead.first_name} is dialled and hears this before anything else:`}
      </p>
      <blockquote className={classes.announcement}>{check.announcement}</blockquote>
      <p className="quiet">
        {check.text_refused
          ? `${lead.first_name} wanted no text of an earlier call, so nothing of this one is written down either. No sound is ever stored.`
          : "Only after it has been played is anything written down. No sound is ever stored. What both of you say appears here while you speak."}
      </p>
    </>
  );
}
