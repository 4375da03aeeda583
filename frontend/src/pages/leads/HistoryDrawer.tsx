import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { leadQuery } from "../../api/queries";
import { leadHistoryQuery } from "../../api/queueQueries";
import type { HistoryItem, SkipReason } from "../../api/types";
import { StatusTag } from "../../calls/StatusTag";
import { SKIP_WORDS } from "../../calls/status";
import { More } from "../../components/More";
import { ProblemNote } from "../../components/Note";
import { SideDrawer } from "../../components/SideDrawer";
import { Waiting } from "../../components/Waiting";
import { leadName } from "../../format/lead";
import { clock, when } from "../../format/time";
import classes from "./HistoryDrawer.module.css";

/** What happened with one lead, newest first. */
export function HistoryDrawer({ leadId, onClose }: { leadId: string | undefined; onClose: () => void }) {
  return (
    <SideDrawer title="History" opened={leadId !== undefined} onClose={onClose}>
      {leadId !== undefined && <History leadId={leadId} />}
    </SideDrawer>
  );
}

function History({ leadId }: { leadId: string }) {
  const lead = useQuery(leadQuery(leadId));
  const history = useInfiniteQuery(leadHistoryQuery(leadId));
  const items = history.data?.pages.flatMap((page) => page.items);
  const now = new Date();
  return (
    <div className={classes.body}>
      {lead.data && (
        <div>
          <h2>{leadName(lead.data)}</h2>
          <p className="num quiet">
            Added {when(lead.data.created_at, now)}
            {lead.data.retry_at && `, to be tried again ${when(lead.data.retry_at, now)}`}
          </p>
          {lead.data.notes && <p className={classes.words}>{lead.data.notes}</p>}
        </div>
      )}
      <ProblemNote error={lead.error ?? history.error} />
      {history.isPending && <Waiting lines={6} what="the history" />}
      {items?.length === 0 && (
        <p className="quiet">
          Nothing yet. Calls, notes, corrected lines and what was skipped in the queue will stand here.
        </p>
      )}
      {items && items.length > 0 && (
        <ol className={classes.items}>
          {items.map((item) => (
            <Item key={item.id} item={item} now={now} />
          ))}
        </ol>
      )}
      <More pages={history} />
    </div>
  );
}

function Item({ item, now }: { item: HistoryItem; now: Date }) {
  return (
    <li>
      <div className={`num ${classes.at}`}>
        {when(item.at, now)}
        {item.by && ` · ${item.by}`}
      </div>
      <What item={item} />
    </li>
  );
}

function What({ item }: { item: HistoryItem }) {
  if (item.kind === "suppressed") {
    return (
      <div>
        <strong>Asked not to be called</strong>
        {item.detail === "rep" && " – noted by your team"}
      </div>
    );
  }
  if (item.kind === "skipped") {
    return (
      <div>
        <strong>Skipped in the queue</strong> – {SKIP_WORDS[item.detail as SkipReason] ?? item.detail}
      </div>
    );
  }
  if (item.kind === "corrected") {
    return (
      <div>
        <CallLink item={item}>A line was corrected</CallLink>
        <p className={classes.words}>
          <ins>{item.detail}</ins> <del>{item.before}</del>
        </p>
      </div>
    );
  }
  return (
    <div>
      <CallLink item={item}>Call</CallLink> {item.call && <StatusTag call={item.call} />}{" "}
      {item.call !== null && item.call.duration_s > 0 && (
        <span className="num quiet">{clock(item.call.duration_s)}</span>
      )}
      {item.call?.notes && <p className={classes.words}>{item.call.notes}</p>}
    </div>
  );
}

function CallLink({ item, children }: { item: HistoryItem; children: string }) {
  if (item.call_id === null) return <strong>{children}</strong>;
  return (
    <Link to="/calls/$callId" params={{ callId: item.call_id }} className={classes.call}>
      {children}
    </Link>
  );
}
