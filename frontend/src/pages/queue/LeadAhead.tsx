import { Link } from "@tanstack/react-router";
import type { Lead } from "../../api/types";
import { ResultTag } from "../../calls/StatusTag";
import { Tag } from "../../components/Tag";
import { leadName } from "../../format/lead";
import { when } from "../../format/time";
import classes from "./QueuePage.module.css";

/** Whom one is about to call, large. */
export function LeadAhead({ lead }: { lead: Lead }) {
  const now = new Date();
  return (
    <div className={classes.ahead}>
      <h1 className={classes.name}>{leadName(lead)}</h1>
      {lead.company && <div className={classes.company}>{lead.company}</div>}
      <div className={`num ${classes.number}`}>{lead.phone_e164}</div>
      <div className="row">
        {lead.disposition ? <ResultTag result={lead.disposition} /> : <Tag tone="accent">Never called</Tag>}
        {lead.tags.map((tag) => (
          <Tag key={tag}>{tag}</Tag>
        ))}
      </div>
      {lead.notes && <p className={classes.notes}>{lead.notes}</p>}
      <p className="quiet num">
        {lead.last_call_at && `Last called ${when(lead.last_call_at, now)}. `}
        <Link to="/leads" search={{ history: lead.id }}>
          History
        </Link>
      </p>
    </div>
  );
}
