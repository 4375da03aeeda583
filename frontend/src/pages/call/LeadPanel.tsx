import { Button, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type KeyboardEvent, useState } from "react";
import { answer, api } from "../../api/client";
import { keys } from "../../api/keys";
import { reservationsQuery } from "../../api/queueQueries";
import type { Lead } from "../../api/types";
import { SearchIcon } from "../../components/icons";
import { More, type Pages } from "../../components/More";
import { ProblemNote } from "../../components/Note";
import { rowKeys } from "../../components/rowKeys";
import { Tag } from "../../components/Tag";
import { Waiting } from "../../components/Waiting";
import { leadName } from "../../format/lead";
import { when } from "../../format/time";
import classes from "./CallPage.module.css";

/** The lead after the shown one that may be called. */
export function nextLead(leads: readonly Lead[], shownId: string | undefined): Lead | undefined {
  const at = leads.findIndex((lead) => lead.id === shownId);
  return [...leads.slice(at + 1), ...leads.slice(0, Math.max(0, at))].find(
    (lead) => !lead.suppressed && lead.erased_at === null && lead.id !== shownId,
  );
}

export function LeadPanel({ lead }: { lead: Lead }) {
  return (
    <div className={classes.who}>
      <h1>{leadName(lead)}</h1>
      {lead.company && <div className={classes.detail}>{lead.company}</div>}
      <div className={`num quiet ${classes.detail}`}>{lead.phone_e164}</div>
      <div className={`row ${classes.detail}`}>
        {lead.suppressed ? <Tag tone="warn">Do not call</Tag> : <Tag>May be called</Tag>}
        <Link to="/calls" search={{ lead: lead.id }}>
          Earlier calls
        </Link>
        <Link to="/leads" search={{ history: lead.id }}>
          History
        </Link>
      </div>
      {lead.notes && <p className={`${classes.notes} ${classes.detail}`}>{lead.notes}</p>}
      {!lead.suppressed && lead.erased_at === null && <Suppress lead={lead} />}
    </div>
  );
}

/** Asked twice, because it is kept even when the lead is removed and added anew. */
function Suppress({ lead }: { lead: Lead }) {
  const client = useQueryClient();
  const [sure, setSure] = useState(false);
  const suppress = useMutation({
    mutationFn: () =>
      answer(
        api.POST("/api/leads/{lead_id}/suppression", {
          params: { path: { lead_id: lead.id } },
          body: { reason: "asked_not_to_be_called" },
        }),
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.leads.all }),
  });
  if (!sure) {
    return (
      <div className={classes.detail}>
        <Button variant="default" size="compact-sm" onClick={() => setSure(true)}>
          Asked not to be called
        </Button>
      </div>
    );
  }
  return (
    <div className="stack">
      <p>
        {lead.first_name} will not be dialled again from this workspace, also if the number is added anew.
      </p>
      <div className="row">
        <Button
          size="compact-sm"
          color="red.9"
          onClick={() => suppress.mutate()}
          loading={suppress.isPending}
        >
          Do not call again
        </Button>
        <Button size="compact-sm" variant="default" onClick={() => setSure(false)}>
          Keep
        </Button>
      </div>
      <ProblemNote error={suppress.error} />
    </div>
  );
}

interface QueueProps {
  leads: readonly Lead[];
  pages: Pages & { isPending: boolean; error: unknown };
  chosenId: string | undefined;
  /** What stands in the search field, and what of it the leads are those of. */
  typed: string;
  sought: string;
  onType: (typed: string) => void;
}

export function Queue({ leads, pages, chosenId, typed, sought, onType }: QueueProps) {
  const now = new Date();
  const { data: reservations = [] } = useQuery(reservationsQuery);
  function state(lead: Lead): string {
    if (lead.suppressed) return "Do not call";
    const reservation = reservations.find((each) => each.lead_id === lead.id);
    if (reservation) return `Reserved by ${reservation.name}`;
    return lead.last_call_at ? when(lead.last_call_at, now) : "Not called yet";
  }
  /** Up and down move between the leads, from the search field into them and back. */
  function pressed(event: KeyboardEvent<HTMLElement>): void {
    const search = event.currentTarget.querySelector("input");
    const first = event.currentTarget.querySelector<HTMLElement>("[data-row]");
    const inSearch = event.target === search;
    if ((inSearch && event.key === "ArrowDown") || (event.target === first && event.key === "ArrowUp")) {
      event.preventDefault();
      (inSearch ? first : search)?.focus();
    } else rowKeys(event);
  }
  const noLeads = !pages.isPending && leads.length === 0;
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the keys belong to the field and the links inside.
    <div className={`stack ${classes.queuePart}`} onKeyDown={pressed}>
      <h2>Leads</h2>
      {!(noLeads && typed === "") && (
        <TextInput
          aria-label="Search leads"
          placeholder="Name, company or number"
          type="search"
          leftSection={<SearchIcon size={16} />}
          value={typed}
          onChange={(event) => onType(event.currentTarget.value)}
          maxLength={100}
        />
      )}
      <ProblemNote error={pages.error} />
      {pages.isPending && <Waiting lines={5} what="leads" />}
      {noLeads && sought !== "" && <p className="quiet">No lead fits “{sought}”.</p>}
      {noLeads && sought === "" && typed === "" && (
        <p className="quiet">
          No leads yet.{" "}
          <Link to="/leads" search={{ add: true }}>
            Add the first one
          </Link>
          .
        </p>
      )}
      <ul className={classes.queue}>
        {leads.map((lead) => (
          <li key={lead.id}>
            <Link
              to="/call"
              search={{ lead: lead.id }}
              aria-current={lead.id === chosenId ? "true" : undefined}
              data-row={lead.id}
            >
              {leadName(lead)}
              <small>{state(lead)}</small>
            </Link>
          </li>
        ))}
      </ul>
      <More pages={pages} />
    </div>
  );
}
