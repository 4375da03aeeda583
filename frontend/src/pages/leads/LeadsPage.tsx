import { Button } from "@mantine/core";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { leadsQuery } from "../../api/queries";
import type { Lead } from "../../api/types";
import { Changes } from "../../app/Changes";
import { Dialog } from "../../components/Dialog";
import { Empty } from "../../components/Empty";
import { PlusIcon } from "../../components/icons";
import { More } from "../../components/More";
import { ProblemNote } from "../../components/Note";
import { Page } from "../../components/Page";
import { Waiting } from "../../components/Waiting";
import { leadName } from "../../format/lead";
import { HistoryDrawer } from "./HistoryDrawer";
import { ImportDialog } from "./ImportDialog";
import { LeadFilterFields } from "./LeadFilterFields";
import { LeadForm } from "./LeadForm";
import { LeadsTable } from "./LeadsTable";
import { RemoveLead } from "./RemoveLead";
import { TagsDialog } from "./TagsDialog";

export function LeadsPage() {
  const { search = "", tag = "", disposition, history, add = false } = useSearch({ from: "/app/leads" });
  const navigate = useNavigate({ from: "/leads" });
  const leads = useInfiniteQuery({
    ...leadsQuery({ search, tag, disposition }),
    placeholderData: keepPreviousData,
  });
  const [editing, setEditing] = useState<Lead | null>(null);
  const [removing, setRemoving] = useState<Lead | null>(null);
  const [tagging, setTagging] = useState<Lead | null>(null);
  const [importing, setImporting] = useState(false);
  const open = () => void navigate({ search: (now) => ({ ...now, add: true }) });
  const close = () => {
    setEditing(null);
    void navigate({ search: (now) => ({ ...now, add: undefined }) });
  };
  const remove = () => {
    setRemoving(editing);
    setEditing(null);
  };
  const showHistory = (id: string | undefined) =>
    void navigate({ search: (now) => ({ ...now, history: id }) });
  const items = leads.data?.pages.flatMap((page) => page.items);
  return (
    <Page
      title="Leads"
      actions={
        <Changes>
          <Button variant="default" onClick={() => setImporting(true)}>
            Import
          </Button>
          <Button leftSection={<PlusIcon size={16} />} onClick={open}>
            Add lead
          </Button>
        </Changes>
      }
    >
      <LeadFilterFields />
      <ProblemNote error={leads.error} />
      {leads.isPending && <Waiting lines={6} what="leads" />}
      {items?.length === 0 && <NoLeads search={search} narrowed={tag !== "" || disposition !== undefined} />}
      {items && items.length > 0 && (
        <LeadsTable
          leads={items}
          onEdit={setEditing}
          onTags={setTagging}
          onHistory={(lead) => showHistory(lead.id)}
        />
      )}
      <More pages={leads} />
      {importing && <ImportDialog onClose={() => setImporting(false)} />}
      {(add || editing) && (
        <Dialog title={editing ? "Change lead" : "New lead"} onClose={close}>
          <LeadForm lead={editing ?? undefined} onSaved={close} onRemove={editing ? remove : undefined} />
        </Dialog>
      )}
      {removing && (
        <Dialog title={`Remove ${leadName(removing)}?`} onClose={() => setRemoving(null)}>
          <RemoveLead lead={removing} onDone={() => setRemoving(null)} onKeep={() => setRemoving(null)} />
        </Dialog>
      )}
      {tagging && <TagsDialog lead={tagging} onClose={() => setTagging(null)} />}
      <HistoryDrawer leadId={history} onClose={() => showHistory(undefined)} />
    </Page>
  );
}

function NoLeads({ search, narrowed }: { search: string; narrowed: boolean }) {
  if (narrowed) {
    return (
      <Empty title="No lead fits what you chose" action={<Link to="/leads">Show all leads</Link>}>
        Choose another tag or another outcome of the last call above.
      </Empty>
    );
  }
  if (search) {
    return (
      <Empty title={`No lead fits “${search}”`}>
        Search looks at first and last names, companies and numbers.
      </Empty>
    );
  }
  return (
    <Empty title="Add the first person you want to call">
      A name and a number are enough, or import a CSV file. Before you dial you see the price, their local
      time and whether they may be called.
    </Empty>
  );
}
