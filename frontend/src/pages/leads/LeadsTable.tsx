import { Button, Menu } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { KeyboardEvent } from "react";
import { reservationsQuery } from "../../api/queueQueries";
import type { Lead, Reservation } from "../../api/types";
import { Changes } from "../../app/Changes";
import { useInLook, useSignedIn } from "../../app/useSession";
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
  const inLook = useInLook();
  const { data: reservations = [] } = useQuery({ ...reservationsQuery, enabled: !inLook });
  const narrow = useMediaQuery("(max-width: 760px)", false, { getInitialValueInEffect: false });
  /** One key each for the row that has the focus. */
  function pressed(event: KeyboardEvent<HTMLElement>): void {
    rowKeys(event);
    const id = (event.target as HTMLElement).dataset.row;
    const lead = inLook ? undefined : leads.find((each) => each.id === id);
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
          {!narrow && (
            <>
              <th scope="col">Last call</th>
              <th scope="col">State</th>
            </>
          )}
          <th scope="col">
            <span className="visually-hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {leads.map((lead) => {
          const state = (
            <State lead={lead} reservation={reservations.find((each) => each.lead_id === lead.id)} />
          );
          const lastCall = lead.last_call_at ? when(lead.last_call_at, now) : "Not called yet";
          return (
            <tr key={lead.id}>
              <td>
                <Link to="/call" search={{ lead: lead.id }} className={list.name} data-row={lead.id}>
                  {leadName(lead)}
                </Link>
                <div className={`${list.under} ${list.typed}`}>{lead.company}</div>
                <Tags lead={lead} />
                {narrow && (
                  <div className={`num ${list.under} ${classes.known}`}>
                    {state} {lastCall}
                  </div>
                )}
              </td>
              <td className="num">{lead.phone_e164 ?? "–"}</td>
              {!narrow && (
                <>
                  <td className="num">
                    {lastCall}
                    {lead.retry_at && <div className={list.under}>Again {when(lead.retry_at, now)}</div>}
                  </td>
                  <td>{state}</td>
                </>
              )}
              <td className={list.right}>
                <Changes>
                  <Actions lead={lead} narrow={narrow} {...actions} />
                </Changes>
              </td>
            </tr>
          );
        })}
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

interface ActionsProps extends LeadActions {
  lead: Lead;
  narrow: boolean;
}

function Actions({ lead, narrow, onEdit, onTags, onHistory }: ActionsProps) {
  const name = leadName(lead);
  const actions = [
    { label: "Tags", does: `Tags of ${name}`, act: onTags, lives: true },
    { label: "History", does: `History of ${name}`, act: onHistory, lives: false },
    { label: "Change", does: `Change ${name}`, act: onEdit, lives: true },
  ].filter(({ lives }) => lead.erased_at === null || !lives);
  if (narrow) {
    return (
      <Menu position="bottom-end">
        <Menu.Target>
          <Button variant="subtle" size="compact-md" aria-label={`What to do with ${name}`}>
            ⋯
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {actions.map(({ label, does, act }) => (
            <Menu.Item key={label} onClick={() => act(lead)} aria-label={does}>
              {label}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
    );
  }
  return (
    <div className={classes.actions}>
      {actions.map(({ label, does, act }) => (
        <Button key={label} variant="subtle" size="compact-sm" onClick={() => act(lead)} aria-label={does}>
          {label}
        </Button>
      ))}
    </div>
  );
}
