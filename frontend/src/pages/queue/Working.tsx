import { Button, Kbd } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { callQuery } from "../../api/queries";
import type { Queue } from "../../api/types";
import { CallAgain } from "../../calls/CallAgain";
import { isLive } from "../../calls/status";
import { ProblemNote } from "../../components/Note";
import { useTitle } from "../../components/Page";
import { useKey } from "../../components/useKey";
import { Waiting } from "../../components/Waiting";
import { leadName } from "../../format/lead";
import { useAskedInstead } from "../../live/useAskedInstead";
import { AwayNote, isAway } from "../call/AwayNote";
import shared from "../call/CallPage.module.css";
import { CallPanel } from "../call/CallPanel";
import { CallText } from "../call/CallText";
import { AfterQueueCall } from "./AfterQueueCall";
import { LeadAhead } from "./LeadAhead";
import { NobodyLeft } from "./NobodyLeft";
import { QueueAside } from "./QueueAside";
import classes from "./QueuePage.module.css";
import { ReservedPanel } from "./ReservedPanel";
import { useQueue } from "./useQueue";

/** A session: the reserved lead, or the call with it, or what to do when there is nobody to call. */
export function Working({ queue }: { queue: Queue }) {
  const refetchInterval = useAskedInstead();
  const { take, waits, error } = useQueue();
  // The call after which somebody has asked for the next lead; it is not shown again when there was none.
  const [leftCallId, setLeftCallId] = useState<string | null>(null);
  const shownId = queue.lead === null && queue.call?.id !== leftCallId ? queue.call?.id : undefined;
  const held = useQuery({
    ...callQuery(shownId ?? ""),
    enabled: shownId !== undefined,
    refetchInterval,
  });
  const call = shownId === undefined ? undefined : held.data;
  const away = isAway(held.error);
  const live = call !== undefined && isLive(call.status);
  function next(): void {
    setLeftCallId(queue.call?.id ?? null);
    take({ do: "next" });
  }
  useKey("j", next, queue.lead === null && !live && !waits);
  useTitle(queue.lead ? `Queue: ${leadName(queue.lead)}` : "Queue");
  return (
    <div className={`${shared.page} ${live ? shared.inCall : ""}`}>
      <aside className={`${shared.lead} ${classes.aside} ${live ? classes.talking : ""}`} aria-label="Queue">
        {call && (
          <div className={shared.who}>
            <h1>{call.lead.name}</h1>
            <div className="num quiet">{call.lead.phone_e164}</div>
          </div>
        )}
        <QueueAside queue={queue} onEnd={() => take({ do: "end" })} live={live} />
      </aside>
      <section
        className={`${shared.text} ${shownId ? "" : classes.lead}`}
        aria-label={call ? "What is said" : "Lead"}
      >
        {away && <AwayNote call={call} />}
        {queue.lead && <LeadAhead lead={queue.lead} />}
        {shownId !== undefined && (
          <CallText
            key={shownId}
            callId={shownId}
            call={call}
            away={away}
            refetchInterval={live ? refetchInterval : false}
          />
        )}
        {queue.lead === null && shownId === undefined && (
          <NobodyLeft queue={queue} onNext={next} waits={waits} />
        )}
      </section>
      <aside className={shared.panel} aria-label="Call panel">
        <ProblemNote error={error ?? (away ? null : held.error)} />
        {queue.lead && queue.reserved_until && (
          <ReservedPanel
            key={queue.lead.id}
            lead={queue.lead}
            until={queue.reserved_until}
            waits={waits}
            onSkip={(reason) => queue.lead && take({ do: "skip", leadId: queue.lead.id, reason })}
          />
        )}
        {shownId !== undefined && !call && !held.error && <Waiting lines={5} what="the call" />}
        {call && (
          <CallPanel
            key={call.id}
            call={call}
            after={<AfterQueueCall call={call} />}
            acts={
              <div className="row">
                <CallAgain call={call} />
                <Button onClick={next} loading={waits}>
                  Next lead <Kbd ml={8}>j</Kbd>
                </Button>
              </div>
            }
          />
        )}
      </aside>
    </div>
  );
}
