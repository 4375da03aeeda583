import { Button, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { leadsQuery } from "../../api/queries";
import type { Lead } from "../../api/types";
import { Dialog } from "../../components/Dialog";
import { Empty } from "../../components/Empty";
import { PlusIcon, SearchIcon } from "../../components/icons";
import list from "../../components/List.module.css";
import { More } from "../../components/More";
import { ProblemNote } from "../../components/Note";
import { Page } from "../../components/Page";
import { rowKeys } from "../../components/rowKeys";
import { Tag } from "../../components/Tag";
import { Waiting } from "../../components/Waiting";
import { leadName } from "../../format/lead";
import { when } from "../../format/time";
import { ImportDialog } from "./ImportDialog";
import { LeadForm } from "./LeadForm";

export function LeadsPage() {
  const { search = "", add = false } = useSearch({ from: "/app/leads" });
  const navigate = useNavigate({ from: "/leads" });
  const [typed, setTyped] = useState(search);
  const [settled] = useDebouncedValue(typed, 200);
  useEffect(() => {
    if (settled !== search) {
      void navigate({ search: (now) => ({ ...now, search: settled || undefined }), replace: true });
    }
  }, [settled, search, navigate]);
  const leads = useInfiniteQuery({ ...leadsQuery(search), placeholderData: keepPreviousData });
  const [editing, setEditing] = useState<Lead | null>(null);
  const [importing, setImporting] = useState(false);
  const open = () => void navigate({ search: (now) => ({ ...now, add: true }) });
  const close = () => {
    setEditing(null);
    void navigate({ search: (now) => ({ ...now, add: undefined }) });
  };
  const items = leads.data?.pages.flatMap((page) => page.items);
  return (
    <Page
      title="Leads"
      actions={
        <>
          <Button variant="default" onClick={() => setImporting(true)}>
            Import
          </Button>
          <Button leftSection={<PlusIcon size={16} />} onClick={open}>
            Add lead
          </Button>
        </>
      }
    >
      <TextInput
        aria-label="Search leads"
        placeholder="Name, company or number"
        type="search"
        leftSection={<SearchIcon size={16} />}
        value={typed}
        onChange={(event) => setTyped(event.currentTarget.value)}
        maxLength={100}
      />
      <ProblemNote error={leads.error} />
      {leads.isPending && <Waiting lines={6} what="leads" />}
      {items?.length === 0 &&
        (search ? (
          <Empty title={`No lead fits “${search}”`}>
            Search looks at first and last names, companies and numbers.
          </Empty>
        ) : (
          <Empty title="Add the first person you want to call">
            A name and a number are enough, or import a CSV file. Before you dial you see the price, their
            local time and whether they may be called.
          </Empty>
        ))}
      {items && items.length > 0 && <LeadsTable leads={items} onEdit={setEditing} />}
      <More pages={leads} />
      {importing && <ImportDialog onClose={() => setImporting(false)} />}
      {(add || editing) && (
        <Dialog title={editing ? "Change lead" : "New lead"} onClose={close}>
          <LeadForm lead={editing ?? undefined} onSaved={close} />
        </Dialog>
      )}
    </Page>
  );
}

function LeadsTable({ leads, onEdit }: { leads: readonly Lead[]; onEdit: (lead: Lead) => void }) {
  const now = new Date();
  return (
    <table className={list.table} onKeyDown={rowKeys}>
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
              <Link to="/call" search={{ lead: lead.id }} className={list.name} data-row>
                {leadName(lead)}
              </Link>
              <div className={list.under}>{lead.company}</div>
            </td>
            <td className="num">{lead.phone_e164 ?? "–"}</td>
            <td className={`num ${list.minor}`}>
              {lead.last_call_at ? when(lead.last_call_at, now) : "Not called yet"}
            </td>
            <td className={list.minor}>
              {lead.suppressed ? <Tag tone="warn">Do not call</Tag> : <Tag>May be called</Tag>}
            </td>
            <td className={list.right}>
              {lead.erased_at === null && (
                <Button
                  variant="subtle"
                  size="compact-sm"
                  onClick={() => onEdit(lead)}
                  aria-label={`Change ${leadName(lead)}`}
                >
                  Change
                </Button>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
