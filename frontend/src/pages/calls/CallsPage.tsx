import { Button, NativeSelect } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { callsQuery, leadQuery } from "../../api/queries";
import type { CallStatus, CallWithSpeech, Result } from "../../api/types";
import { StatusTag } from "../../calls/StatusTag";
import { DISPOSITION_WORDS, OUTCOME_WORDS, STATUS_WORDS } from "../../calls/status";
import { Empty } from "../../components/Empty";
import list from "../../components/List.module.css";
import { More } from "../../components/More";
import { ProblemNote } from "../../components/Note";
import { Page } from "../../components/Page";
import { rowKeys } from "../../components/rowKeys";
import { TalkStripMiniature } from "../../components/TalkStrip";
import { Waiting } from "../../components/Waiting";
import { creditNumber } from "../../format/credits";
import { leadName } from "../../format/lead";
import { clock, when } from "../../format/time";
import classes from "./CallsPage.module.css";

const STATES: readonly CallStatus[] = ["in_progress", "cancelled"];
const choices = (words: Record<string, string>) =>
  Object.entries(words).map(([value, label]) => ({ value: `disposition:${value}`, label }));
const CHOICES = [
  { value: "", label: "All calls" },
  ...STATES.map((each) => ({ value: `status:${each}`, label: STATUS_WORDS[each] })),
  { group: "How they ended", items: choices(OUTCOME_WORDS) },
  { group: "What came of them", items: choices(DISPOSITION_WORDS) },
];

/** What the select shows for what stands in the address. */
function chosen(status: CallStatus | undefined, disposition: Result | undefined): string {
  if (disposition) return `disposition:${disposition}`;
  return status ? `status:${status}` : "";
}

export function CallsPage() {
  const { lead: leadId, status, disposition } = useSearch({ from: "/app/calls" });
  const navigate = useNavigate({ from: "/calls" });
  const calls = useInfiniteQuery(callsQuery({ leadId, status, disposition }));
  const lead = useQuery({ ...leadQuery(leadId ?? ""), enabled: leadId !== undefined });
  const items = calls.data?.pages.flatMap((page) => page.items);
  const filtered = leadId !== undefined || status !== undefined || disposition !== undefined;
  return (
    <Page
      title="Calls"
      actions={
        <>
          {lead.data && (
            <Button
              variant="default"
              onClick={() => void navigate({ search: (now) => ({ ...now, lead: undefined }) })}
            >
              With {leadName(lead.data)} ×
            </Button>
          )}
          <NativeSelect
            aria-label="Show calls that"
            value={chosen(status, disposition)}
            onChange={(event) => {
              const [kind, value] = event.currentTarget.value.split(":");
              void navigate({
                search: (now) => ({
                  ...now,
                  status: kind === "status" ? (value as CallStatus) : undefined,
                  disposition: kind === "disposition" ? (value as Result) : undefined,
                }),
              });
            }}
            data={CHOICES}
          />
        </>
      }
    >
      <ProblemNote error={calls.error} />
      {calls.isPending && <Waiting lines={6} what="calls" />}
      {items?.length === 0 &&
        (filtered ? (
          <Empty title="No such calls" action={<Link to="/calls">Show all calls</Link>}>
            No call fits what you chose above.
          </Empty>
        ) : (
          <Empty title="Your calls will stand here" action={<Link to="/leads">Choose a lead to call</Link>}>
            Each call keeps its text, who spoke when, what was agreed and what it cost.
          </Empty>
        ))}
      {items && items.length > 0 && <CallsTable calls={items} />}
      <More pages={calls} />
    </Page>
  );
}

function CallsTable({ calls }: { calls: readonly CallWithSpeech[] }) {
  const now = new Date();
  return (
    <table className={list.table} onKeyDown={rowKeys}>
      <thead>
        <tr>
          <th scope="col">Lead</th>
          <th scope="col" className={`${list.minor} ${classes.strip}`}>
            Who spoke
          </th>
          <th scope="col">Outcome</th>
          <th scope="col" className={list.right}>
            Length
          </th>
          <th scope="col" className={`${list.right} ${list.minor}`}>
            Credits
          </th>
        </tr>
      </thead>
      <tbody>
        {calls.map((call) => (
          <tr key={call.id}>
            <td>
              <Link to="/calls/$callId" params={{ callId: call.id }} className={list.name} data-row>
                {call.lead.name}
              </Link>
              <div className={`num ${list.under}`}>{when(call.created_at, now)}</div>
            </td>
            <td className={list.minor}>
              <TalkStripMiniature speech={call.speech} durationS={call.duration_s} />
            </td>
            <td>
              <StatusTag call={call} />
            </td>
            <td className={list.right}>{clock(call.duration_s)}</td>
            <td className={`${list.right} ${list.minor}`}>{creditNumber(call.charged_mcredits)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
