import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { KeyboardEvent } from "react";
import { reservationsQuery } from "../../api/queueQueries";
import type { Lead, Reservation } from "../../api/types";
import { useSignedIn } from "../../app/useSession";
import { ResultTag } from "../../calls/StatusTag";
import list from "../../components/List.module.css";
import { rowKeys } from "../../components/rowKeys";
import { Tag } from "../../components/Tag";
import { leadName } from "../../format/lead";
import { when } from "../../format/time";
import classes from "./LeadsPage.module.css";

export interface LeadActions {
  onEdit: (lead: Lead) => void;
  onTags: (lead: Lead) => void;
  onHistory: (lead: Lead) => void;
}

export function LeadsTable({ leads, ...actions }: { leads: readonly Lead[] } & LeadActions) {
  const now = new Date();
  const { data: reservations = [] } = useQuery(reservationsQuery);
  /** One key each for the row that has the focus. */
  function pressed(event: KeyboardEvent<HTMLElement>): void {
    rowKeys(event);
    const id = (event.target as HTMLElement).dataset.row;
    const lead = leads.find((each) => each.id === id);
    const act = { t: actions.onTags, h: actions.onHistory }[event.key];
    if (!lead || !act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    if (lead.erased_at === null || event.key === "h") act(lead);
  }
  return (
    <table className={list.table} onKeyDown={pressed}>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Number</th>
          <th scope="col" className={list.minor}>
            Last call
          </th>
          <th scope="col" className={list.minor}>
            State
          </th>
          <th scope="col">
            <span className="visually-hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {leads.map((lead) => (
          <tr key={lead.id}>
            <td>
              <Link to="/call" search={{ lead: lead.id }} className={list.name} data-row={lead.id}>
                {leadName(lead)}
              </Link>
              <div className={list.under}>{lead.company}</div>
              <Tags lead={lead} />
            </td>
            <td className="num">{lead.phone_e164 ?? "–"}</td>
            <td className={`num ${list.minor}`}>
              {lead.last_call_at ? when(lead.last_call_at, now) : "Not called yet"}
              {lead.retry_at && <div className={list.under}>Again {when(lead.retry_at, now)}</div>}
            </td>
            <td className={list.minor}>
              <State lead={lead} reservation={reservations.find((each) => each.lead_id === lead.id)} />
            </td>
            <td className={list.right}>
              <Actions lead={lead} {...actions} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Tags({ lead }: { lead: Lead }) {
  if (lead.tags.length === 0) return null;
  return (
    <div className={classes.tags}>
      {lead.tags.map((tag) => (
        <Link key={tag} to="/leads" search={{ tag }} className={classes.tag}>
          <Tag>{tag}</Tag>
        </Link>
      ))}
    </div>
  );
}

/** The most important of what is to be known before calling. */
function State({ lead, reservation }: { lead: Lead; reservation: Reservation | undefined }) {
  const { user } = useSignedIn();
  if (lead.suppressed) return <Tag tone="warn">Do not call</Tag>;
  if (reservation) {
    const mine = reservation.user_id === user.id;
    return <Tag tone="accent">{mine ? "Reserved by you" : `Reserved by ${reservation.name}`}</Tag>;
  }
  if (lead.disposition) return <ResultTag result={lead.disposition} />;
  return <Tag>May be called</Tag>;
}

function Actions({ lead, onEdit, onTags, onHistory }: { lead: Lead } & LeadActions) {
  const name = leadName(lead);
  const actions = [
    { label: "Tags", does: `Tags of ${name}`, act: onTags, lives: true },
    { label: "History", does: `History of ${name}`, act: onHistory, lives: false },
    { label: "Change", does: `Change ${name}`, act: onEdit, lives: true },
  ];
  return (
    <div className={classes.actions}>
      {actions
        .filter(({ lives }) => lead.erased_at === null || !lives)
        .map(({ label, does, act }) => (
          <Button key={label} variant="subtle" size="compact-sm" onClick={() => act(lead)} aria-label={does}>
            {label}
          </Button>
        ))}
    </div>
  );
}
