import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { caseQuery } from "../../../api/deskQueries";
import { asProblem } from "../../../api/problem";
import type { DeskCasePage } from "../../../api/types";
import { Note, ProblemNote } from "../../../components/Note";
import { Page, Panel } from "../../../components/Page";
import { useKey } from "../../../components/useKey";
import { Waiting } from "../../../components/Waiting";
import { atDateTime, onDate } from "../../../format/time";
import { ApprovalPanel } from "./ApprovalPanel";
import { ActsPanel, WrittenPanel } from "./CaseHistory";
import { CaseTags, Due } from "./CasesPage";
import { CorrectionsPanel } from "./CorrectForm";
import classes from "./Desk.module.css";
import { GrantPanel } from "./GrantPanel";
import { StepsPanel } from "./StepsPanel";
import { CHANNEL_WORDS, KIND_WORDS, PERSON_WORDS, PROOF_WORDS } from "./words";

/** Everything about one case, and what to do next first. */
export function CasePage() {
  const { reference } = useParams({ from: "/staff/staff/cases/$reference" });
  const found = useQuery(caseQuery(reference));
  const navigate = useNavigate();
  useKey("u", () => void navigate({ to: "/staff/cases" }));
  const page = found.data;
  return (
    <Page
      title={page ? `${KIND_WORDS[page.case.kind]} ${page.case.reference}` : reference}
      actions={page && <CaseTags case={page.case} />}
    >
      {asProblem(found.error)?.code === "case_unknown" ? (
        <Note
          tone="warn"
          title="No case has this reference"
          action={<Link to="/staff/cases">All cases</Link>}
        >
          Check it for a typing mistake. A year after its answer a case is removed.
        </Note>
      ) : (
        <ProblemNote error={found.error} />
      )}
      {found.isPending && <Waiting lines={8} what="the case" />}
      {page && (
        <div className={classes.columns}>
          <div className={classes.column}>
            {page.corrections.length > 0 && <CorrectionsPanel corrections={page.corrections} />}
            {page.grant && <GrantPanel page={page} grant={page.grant} />}
            {page.prepared && <ApprovalPanel page={page} prepared={page.prepared} />}
            <StepsPanel page={page} />
            <WrittenPanel entries={page.entries} />
          </div>
          <div className={classes.column}>
            <FactsPanel page={page} />
            <ActsPanel acts={page.acts} />
          </div>
        </div>
      )}
    </Page>
  );
}

function FactsPanel({ page }: { page: DeskCasePage }) {
  const { case: one, person, erasure } = page;
  return (
    <Panel title="The case">
      <dl className={classes.facts}>
        <div>
          <dt>{one.days_left === null ? "Answered" : "Answer by"}</dt>
          <dd className="num">{page.closed_at ? atDateTime(page.closed_at) : <Due case={one} />}</dd>
        </div>
        <div>
          <dt>Law of the number's country</dt>
          <dd>
            {page.law.name}: {page.law.is_right ? "a right there" : "no right there, offered all the same"}
            <div className={classes.quietly}>
              {page.law.law}. Its own last day is {onDate(page.law.last_day)}; ours is never later.
            </div>
          </dd>
        </div>
        <div>
          <dt>Came</dt>
          <dd>
            {atDateTime(one.opened_at)}, {CHANNEL_WORDS[one.channel]}
          </dd>
        </div>
        <div>
          <dt>Who asks</dt>
          <dd>
            {one.proved_by && page.proved_at
              ? `Verified on ${onDate(page.proved_at)} by ${PROOF_WORDS[one.proved_by]}`
              : "Not verified: tell nothing, do nothing yet"}
          </dd>
        </div>
        <div>
          <dt>Whose data</dt>
          <dd>
            {PERSON_WORDS[person.kind]}
            {person.name && (
              <div>
                <strong>{person.name}</strong>
              </div>
            )}
            {person.email && <div>{person.email}</div>}
            {person.restricted && <div>Its use is restricted.</div>}
          </dd>
        </div>
        <div>
          <dt>Answers go to</dt>
          <dd>{person.contact || "No address is kept"}</dd>
        </div>
        <div>
          <dt>Who has it</dt>
          <dd>{one.is_mine ? "You" : (one.taken_by ?? "Nobody yet")}</dd>
        </div>
        {page.paused_at && (
          <div>
            <dt>Waits since {atDateTime(page.paused_at)}</dt>
            <dd>{one.pause_reason}. The last day stays.</dd>
          </div>
        )}
        {erasure && (
          <div>
            <dt>Deletion</dt>
            <dd>
              {erasure.cancellable
                ? `Approved; begins ${atDateTime(erasure.runs_at)}`
                : erasure.state === "cancelled"
                  ? "Taken back"
                  : erasure.state === "done"
                    ? "Done"
                    : "Goes on"}
              {" · "}
              <a href={erasure.receipt_path}>receipt</a>
            </dd>
          </div>
        )}
        {page.links.map((link) => (
          <div key={link.what}>
            <dt>{link.what === "copy" ? "Link to the copy" : "Link that verifies"}</dt>
            <dd>
              Mailed by {link.by} on {atDateTime(link.made_at)}.{" "}
              {link.used_at
                ? `The copy was fetched on ${atDateTime(link.used_at)}.`
                : `Good until ${atDateTime(link.expires_at)}.`}
            </dd>
          </div>
        ))}
        {page.joined_to && (
          <div>
            <dt>Answered together with</dt>
            <dd>
              <Link to="/staff/cases/$reference" params={{ reference: page.joined_to }}>
                {page.joined_to}
              </Link>
            </dd>
          </div>
        )}
        {page.joined.length > 0 && (
          <div>
            <dt>Answers these too, if verified</dt>
            {page.joined.map((each) => (
              <dd key={each.reference}>
                <Link to="/staff/cases/$reference" params={{ reference: each.reference }}>
                  {each.reference}
                </Link>
                {each.proved ? ", verified" : ", not verified"}
              </dd>
            ))}
          </div>
        )}
      </dl>
    </Panel>
  );
}
