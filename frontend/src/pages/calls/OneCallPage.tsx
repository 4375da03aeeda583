import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useEffect, useMemo, useRef, useState } from "react";
import { isWithdrawn } from "../../api/problem";
import { callQuery, insightsQuery, transcriptQuery } from "../../api/queries";
import type { CallWithSpeech, Insights, Segment } from "../../api/types";
import { Changes } from "../../app/Changes";
import { useInLook, useSignedIn } from "../../app/useSession";
import { CallAgain } from "../../calls/CallAgain";
import { DispositionField } from "../../calls/DispositionField";
import { NotesField } from "../../calls/NotesField";
import { placeOf, segmentAt } from "../../calls/place";
import { ReceiptView } from "../../calls/ReceiptView";
import { StatusTag } from "../../calls/StatusTag";
import { endWords, isLive, noTextWords } from "../../calls/status";
import { TextState } from "../../calls/TextState";
import { type Chosen, Transcript } from "../../calls/Transcript";
import { useCallClock } from "../../calls/useCallClock";
import { Note, ProblemNote } from "../../components/Note";
import { Page, Panel } from "../../components/Page";
import { type StripMark, TalkStripNavigator } from "../../components/TalkStripNavigator";
import { Waiting } from "../../components/Waiting";
import { clock, longTime, when } from "../../format/time";
import { useFollow } from "../../live/Live";
import { emptyTranscript } from "../../live/transcript";
import { useAskedInstead } from "../../live/useAskedInstead";
import { isAway } from "../call/AwayNote";
import { InsightsView } from "./InsightsView";
import { KIND_WORDS, markOf } from "./insightWords";
import classes from "./OneCallPage.module.css";
import { useWatch } from "./useWatch";
import { WatchedSide, WatchNote } from "./WatchedCall";

function marks(insights: Insights | undefined): StripMark[] {
  return (insights?.items ?? []).flatMap((insight) => {
    const letter = markOf(insight.kind);
    const segmentId = insight.segment_ids[0];
    return letter && segmentId
      ? [{ atMs: insight.start_ms, letter, kind: KIND_WORDS[insight.kind], label: insight.text, segmentId }]
      : [];
  });
}

export function OneCallPage() {
  const { callId } = useParams({ from: "/app/calls/$callId" });
  return <OneCall key={callId} callId={callId} />;
}

function OneCall({ callId }: { callId: string }) {
  const { at } = useSearch({ from: "/app/calls/$callId" });
  const navigate = useNavigate();
  const { user } = useSignedIn();
  const inLook = useInLook();
  const call = useQuery(callQuery(callId));
  // A live call is read only by its rep, and by who watches it for the rep to see.
  const watched =
    call.data !== undefined && isLive(call.data.status) && (inLook || call.data.user.id !== user.id);
  const open = call.data !== undefined && !watched;
  const watch = useWatch(callId, watched && !inLook);
  const isRead = open || watch.on;
  const askedInstead = useAskedInstead();
  const refetchInterval = call.data && isLive(call.data.status) ? askedInstead : false;
  const transcript = useQuery({ ...transcriptQuery(callId), enabled: isRead, refetchInterval });
  const found = useQuery({ ...insightsQuery(callId), enabled: open });
  const insights = isWithdrawn(found.error) ? undefined : found.data;
  useFollow(isRead ? callId : undefined);
  const [chosen, setChosen] = useState<Chosen | null>(null);
  // Where this page went by itself: that line is chosen already, and perhaps another one since.
  const gone = useRef(new Set<number>());
  const segments = isRead ? transcript.data?.segments : undefined;
  const arrived = segments !== undefined;

  // biome-ignore lint/correctness/useExhaustiveDependencies: the address decides once, when the text has arrived.
  useEffect(() => {
    if (!at || !segments || gone.current.has(at)) return;
    const there = segmentAt(segments, at);
    if (there) setChosen({ id: there.id });
  }, [at, arrived]);

  function choose(there: Chosen): void {
    const { id } = there;
    setChosen(there);
    const segment = segments?.find((each) => each.id === id);
    if (segment) {
      const place = placeOf(segment);
      gone.current.add(place);
      void navigate({ to: ".", search: { at: place }, replace: true, resetScroll: false });
    }
  }

  const names = useMemo(
    () => ({ agent: call.data?.user.name ?? "Agent", callee: call.data?.lead.name ?? "Lead" }),
    [call.data?.user.name, call.data?.lead.name],
  );
  if (call.error) {
    return (
      <Page title="Call">
        <ProblemNote error={call.error} action={<Link to="/calls">All calls</Link>} />
      </Page>
    );
  }
  if (!call.data) {
    return (
      <Page title="Call">
        <Waiting lines={8} what="the call" />
      </Page>
    );
  }
  if (watched && inLook) {
    return (
      <Page title={call.data.lead.name} width="wide">
        <Note>This call is going on. Its text can be read in a look once it is over.</Note>
      </Page>
    );
  }
  return (
    <Page
      title={call.data.lead.name}
      width="wide"
      actions={watched ? <Link to="/wall">All live calls</Link> : <StatusTag call={call.data} />}
    >
      {watched ? (
        watch.on && <WatchNote call={call.data} />
      ) : (
        <>
          <Head call={call.data} />
          {segments && segments.length > 0 && (
            <TalkStripNavigator
              segments={segments}
              durationS={call.data.duration_s}
              names={names}
              marks={marks(insights)}
              chosenId={chosen?.id}
              onChoose={(id) => choose({ id, along: true })}
              onGo={(id) => choose({ id })}
            />
          )}
        </>
      )}
      {/* The same text when the call that is watched ends, so that its reader keeps their place. */}
      <div className={classes.columns}>
        <section className={classes.text} aria-label={watched ? "What is said" : "What was said"}>
          <ProblemNote error={watch.error ?? transcript.error} />
          {isRead && isLive(call.data.status) && (
            <div className={classes.textHead}>
              <TextState
                call={call.data}
                shortage={transcript.data?.shortage ?? null}
                away={isAway(transcript.error)}
              />
            </div>
          )}
          <Transcript
            text={(isRead && transcript.data) || emptyTranscript}
            names={names}
            chosen={chosen}
            correctable={open && !inLook}
            fromStart={!isLive(call.data.status)}
          >
            {open && !transcript.isPending && !transcript.error && (
              <p className="quiet">{noTextWords(call.data)}</p>
            )}
          </Transcript>
        </section>
        {watched ? (
          <WatchedSide call={call.data} on={watch.on} />
        ) : (
          <Side
            call={call.data}
            insights={insights}
            error={found.error}
            segments={segments ?? []}
            onGo={(id) => choose({ id })}
          />
        )}
      </div>
    </Page>
  );
}

function Head({ call }: { call: CallWithSpeech }) {
  const { durationS } = useCallClock(call);
  return (
    <div className={`num ${classes.lead}`}>
      <span>{when(call.created_at, new Date())}</span>
      <span>{clock(durationS)}</span>
      <span>{call.lead.phone_e164}</span>
      {call.end_reason && <span>{endWords(call)}</span>}
      <Changes>
        <CallAgain call={call} />
      </Changes>
      <Link to="/calls" search={{ lead: call.lead.id }}>
        All calls with {call.lead.name}
      </Link>
    </div>
  );
}

interface SideProps {
  call: CallWithSpeech;
  insights: Insights | undefined;
  error: unknown;
  segments: readonly Segment[];
  onGo: (segmentId: string) => void;
}

function Side({ call, insights, error, segments, onGo }: SideProps) {
  const inLook = useInLook();
  if (isLive(call.status)) {
    return (
      <div className={classes.side}>
        <Note>
          This call is going on.{" "}
          <Changes>
            <Link to="/call" search={{ call: call.id, lead: call.lead.id }}>
              Go to the call
            </Link>
          </Changes>
        </Note>
      </div>
    );
  }
  return (
    <div className={classes.side}>
      {call.answered_at !== null && (
        <Panel title="Insights">
          <ProblemNote error={error} />
          {insights ? <InsightsView call={call} insights={insights} segments={segments} onGo={onGo} /> : null}
        </Panel>
      )}
      {insights?.talk && <TalkFacts talk={insights.talk} />}
      <Panel title="Receipt">
        <ReceiptView callId={call.id} />
      </Panel>
      <Panel title="Outcome">
        <fieldset className={classes.outcome} disabled={inLook}>
          <DispositionField key={`outcome-${call.id}`} call={call} />
          <NotesField key={`notes-${call.id}`} call={call} />
        </fieldset>
      </Panel>
    </div>
  );
}

function TalkFacts({ talk }: { talk: NonNullable<Insights["talk"]> }) {
  const facts: [string, string][] = [
    ["You spoke", talk.talk_ratio === null ? "–" : `${Math.round(talk.talk_ratio * 100)} %`],
    ["Longest stretch", longTime(Math.round(talk.longest_monologue_ms / 1000))],
    ["Interruptions", String(talk.interruptions)],
    ["Silence", longTime(Math.round(talk.silence_ms / 1000))],
  ];
  return (
    <Panel title="Talk">
      <dl className={classes.talk}>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </Panel>
  );
}
