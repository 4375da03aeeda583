import { Button, Kbd } from "@mantine/core";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { CASES_SHOWN, type CasesShown, queueOfCasesQuery } from "../../../api/deskQueries";
import type { DeskCase, DeskCounts } from "../../../api/types";
import { Dialog } from "../../../components/Dialog";
import { Empty } from "../../../components/Empty";
import list from "../../../components/List.module.css";
import { More } from "../../../components/More";
import { ProblemNote } from "../../../components/Note";
import { Page } from "../../../components/Page";
import { rowKeys } from "../../../components/rowKeys";
import { Tag } from "../../../components/Tag";
import { useKey } from "../../../components/useKey";
import { Waiting } from "../../../components/Waiting";
import { onDay } from "../../../format/time";
import classes from "./Desk.module.css";
import { DueRing } from "./DueRing";
import { OpenCaseForm } from "./OpenCaseForm";
import { CHANNEL_WORDS, dueWords, KIND_WORDS, OUTCOME_WORDS, SHOWN_WORDS } from "./words";

/** What people ask about their data, those first that have to be answered first. */
export function CasesPage() {
  const { show = "open", add = false } = useSearch({ from: "/staff/staff/cases" });
  const navigate = useNavigate({ from: "/staff/cases" });
  const cases = useInfiniteQuery({ ...queueOfCasesQuery(show), placeholderData: keepPreviousData });
  const items = cases.data?.pages.flatMap((page) => page.items);
  const adding = (open: boolean) =>
    void navigate({ search: (now) => ({ ...now, add: open ? true : undefined }) });
  useKey("j", () => moveRow(1));
  useKey("k", () => moveRow(-1));
  useKey("+", () => adding(true));
  return (
    <Page
      title="Cases"
      actions={
        <Button variant="default" onClick={() => adding(true)}>
          Write one down
        </Button>
      }
    >
      <Tabs show={show} counts={cases.data?.pages[0]?.counts} />
      <ProblemNote error={cases.error} />
      {cases.isPending && <Waiting lines={6} what="the cases" />}
      {items?.length === 0 && <NoCases show={show} />}
      {items && items.length > 0 && <CasesTable cases={items} />}
      <More pages={cases} />
      <p className="quiet">
        <Kbd>j</Kbd> and <Kbd>k</Kbd> go down and up, <Kbd>Enter</Kbd> opens, <Kbd>+</Kbd> writes one down.
        Reading this list is written down too.
      </p>
      {add && (
        <Dialog title="What somebody asked of you" onClose={() => adding(false)}>
          <OpenCaseForm />
        </Dialog>
      )}
    </Page>
  );
}

function moveRow(by: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>("[data-row]")];
  const at = rows.indexOf(document.activeElement as HTMLElement);
  (at < 0 ? rows[0] : rows[at + by])?.focus();
}

function Tabs({ show, counts }: { show: CasesShown; counts: DeskCounts | undefined }) {
  return (
    <nav className={classes.tabs} aria-label="Which cases">
      {CASES_SHOWN.map((each) => (
        <Link
          key={each}
          to="/staff/cases"
          search={{ show: each === "open" ? undefined : each }}
          className={classes.tab}
          aria-current={each === show ? "page" : undefined}
        >
          {SHOWN_WORDS[each]}
          {counts && each !== "answered" && <span className="num quiet">{counts[each]}</span>}
        </Link>
      ))}
    </nav>
  );
}

function CasesTable({ cases }: { cases: DeskCase[] }) {
  return (
    <table className={list.table} onKeyDown={rowKeys}>
      <thead>
        <tr>
          <th scope="col">Case</th>
          <th scope="col">Answer by</th>
          <th scope="col" className={list.minor}>
            Who has it
          </th>
        </tr>
      </thead>
      <tbody>
        {cases.map((each) => (
          <tr key={each.reference}>
            <td>
              <Link
                to="/staff/cases/$reference"
                params={{ reference: each.reference }}
                className={list.name}
                data-row
              >
                {KIND_WORDS[each.kind]}
              </Link>{" "}
              <CaseTags case={each} />
              <div className={`${list.under} num`}>
                {each.reference} · {onDay(each.opened_at)} · {CHANNEL_WORDS[each.channel]}
              </div>
              {each.pause_reason && <div className={list.under}>Waits: {each.pause_reason}</div>}
            </td>
            <td className="num">
              <Due case={each} />
            </td>
            <td className={list.minor}>{each.is_mine ? "You" : (each.taken_by ?? "Nobody")}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function CaseTags({ case: each }: { case: DeskCase }) {
  if (each.outcome) {
    return <Tag tone={each.outcome === "done" ? "good" : "plain"}>{OUTCOME_WORDS[each.outcome]}</Tag>;
  }
  return (
    <>
      {each.deletion_answered && <Tag tone="bad">Wrote before its deletion</Tag>}{" "}
      {each.approval_waits && <Tag tone="accent">Needs a second person</Tag>}{" "}
      {!each.proved_by && <Tag tone="warn">Not verified</Tag>}
    </>
  );
}

export function Due({ case: each }: { case: DeskCase }) {
  if (each.days_left === null) return <>{onDay(each.due_on)}</>;
  return (
    <div className={classes.due}>
      <DueRing openedAt={each.opened_at} dueOn={each.due_on} daysLeft={each.days_left} />
      <div>
        {dueWords(each.days_left)}
        <div className={list.under}>{onDay(each.due_on)}</div>
      </div>
    </div>
  );
}

function NoCases({ show }: { show: CasesShown }) {
  if (show === "open") {
    return (
      <Empty title="Nobody waits for an answer">
        A mail to support, the privacy centre and the page for people who were called bring cases here. What
        somebody tells you on the telephone you write down yourself.
      </Empty>
    );
  }
  return (
    <Empty title="Nothing here" action={<Link to="/staff/cases">Show the open cases</Link>}>
      {show === "mine" && "You have taken no case."}
      {show === "overdue" && "No case is past its last day."}
      {show === "waiting" && "No case is paused."}
      {show === "answered" && "No case was answered in the last year."}
    </Empty>
  );
}
