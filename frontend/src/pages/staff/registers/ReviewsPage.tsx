import { Button, Kbd, Textarea } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { answer, api } from "../../../api/client";
import { reviewsQuery } from "../../../api/deskQueries";
import { keepAnswer } from "../../../api/keepAnswer";
import { keys } from "../../../api/keys";
import { asProblem } from "../../../api/problem";
import type { BackupsSeen, FollowUp, ReviewKind } from "../../../api/types";
import { Note, ProblemNote } from "../../../components/Note";
import { Page, Panel } from "../../../components/Page";
import { Tag } from "../../../components/Tag";
import { useForm } from "../../../components/useForm";
import { useKey } from "../../../components/useKey";
import { Waiting } from "../../../components/Waiting";
import { atDateTime, onDate } from "../../../format/time";
import classes from "../desk/Desk.module.css";

const SOON_DAYS = 14;

/** What is to be looked over regularly, the one that is due first on top. */
export function ReviewsPage() {
  const reviews = useQuery(reviewsQuery);
  const [noting, setNoting] = useState<ReviewKind["kind"] | null>(null);
  const items = reviews.data?.items ?? [];
  const first = items[0];
  const overdue = items.filter((each) => each.days_left < 0).length;
  useKey("n", () => first && setNoting(first.kind), first !== undefined);
  return (
    <Page title="Reviews">
      <ProblemNote error={reviews.error} />
      {reviews.isPending && <Waiting lines={8} what="the reviews" />}
      {overdue > 0 && (
        <Note tone="warn" role="status">
          {overdue === 1 ? "One review is" : `${overdue} reviews are`} overdue. The policy promises that they
          are done regularly, and the operator has been told.
        </Note>
      )}
      {reviews.data && <Backups backups={reviews.data.backups} />}
      {first && (
        <p className="quiet">
          <Kbd>n</Kbd> notes the one that is due first.
        </p>
      )}
      {items.map((each) => (
        <KindPanel
          key={each.kind}
          review={each}
          noting={noting === each.kind}
          onNote={(open) => setNoting(open ? each.kind : null)}
        />
      ))}
    </Page>
  );
}

/** Whether backups end when people are told that they do. */
function Backups({ backups }: { backups: BackupsSeen | null }) {
  if (backups === null)
    return (
      <Note tone="warn" role="status">
        Nobody looks whether backups end in time. Set BACKUP_FOLDERS, or have manage.py backups run where they
        are kept.
      </Note>
    );
  const { over, unread } = backups;
  if (over > 0 || unread > 0)
    return (
      <Note tone="warn" role="alert">
        {over > 0 && `${over === 1 ? "One backup file is" : `${over} backup files are`} `}
        {over > 0 && `older than the ${backups.kept_days} days that people are told. Delete what is. `}
        {unread > 0 && `${unread === 1 ? "One folder" : `${unread} folders`} of backups could not be read.`}
      </Note>
    );
  return (
    <p className="quiet">
      Backups, looked at on {atDateTime(backups.looked_at)}: {backups.files} files
      {backups.oldest_at && `, the oldest of ${atDateTime(backups.oldest_at)}`}; kept for {backups.kept_days}{" "}
      days at most.
    </p>
  );
}

function Clock({ review }: { review: ReviewKind }) {
  const days = review.days_left;
  if (days < 0) return <Tag tone="bad">{days === -1 ? "1 day overdue" : `${-days} days overdue`}</Tag>;
  const words = days === 0 ? "Due today" : days === 1 ? "Due tomorrow" : `Due in ${days} days`;
  return <Tag tone={days <= SOON_DAYS ? "warn" : "good"}>{words}</Tag>;
}

interface KindProps {
  review: ReviewKind;
  noting: boolean;
  onNote: (open: boolean) => void;
}

function KindPanel({ review, noting, onNote }: KindProps) {
  const [latest, ...older] = review.reviews;
  const open = review.reviews.flatMap((each) => each.follow_ups).filter((each) => !each.done_at);
  return (
    <Panel title={review.title} aside={<Clock review={review} />}>
      <p>{review.what}</p>
      <dl className={classes.facts}>
        <div>
          <dt>Next by</dt>
          <dd>
            {onDate(review.due_on)}, every {review.every_days} days
          </dd>
        </div>
        <div>
          <dt>Last</dt>
          <dd>
            {latest
              ? `${atDateTime(latest.reviewed_at)}, by ${latest.reviewed_by}`
              : "Never yet. Do what stands above, then note what you found."}
            {latest && <div className={classes.words}>{latest.findings}</div>}
          </dd>
        </div>
      </dl>
      {open.length > 0 && (
        <>
          <h3>To be done</h3>
          <ul className={classes.entries}>
            {open.map((each) => (
              <OpenFollowUp key={each.id} followUp={each} />
            ))}
          </ul>
        </>
      )}
      <div className={classes.steps}>
        <Button
          variant={noting ? "light" : review.days_left < 0 ? "filled" : "default"}
          aria-expanded={noting}
          aria-label={`Note a review, ${review.title}`}
          onClick={() => onNote(!noting)}
        >
          Note a review
        </Button>
      </div>
      {noting && <NoteForm review={review} onDone={() => onNote(false)} />}
      <History reviews={[latest, ...older].filter((each) => each !== undefined)} />
    </Panel>
  );
}

function History({ reviews }: { reviews: ReviewKind["reviews"] }) {
  const closed = reviews.flatMap((each) => each.follow_ups).filter((each) => each.done_at);
  if (reviews.length < 2 && closed.length === 0) return null;
  return (
    <details>
      <summary>Earlier reviews, and what was done</summary>
      <ol className={classes.entries}>
        {reviews.map((each) => (
          <li key={each.id} className={classes.entry}>
            <div className={classes.quietly}>
              {each.reviewed_by} · {atDateTime(each.reviewed_at)}
            </div>
            <p className={classes.words}>{each.findings}</p>
            {each.follow_ups.map((one) => (
              <p key={one.id} className={classes.words}>
                {one.what}: {one.done_at ? `${one.how} (${one.done_by}, ${onDate(one.done_at)})` : "open"}
              </p>
            ))}
          </li>
        ))}
      </ol>
    </details>
  );
}

function OpenFollowUp({ followUp }: { followUp: FollowUp }) {
  const client = useQueryClient();
  const [asking, setAsking] = useState(false);
  const [how, setHow] = useState("");
  const params = { path: { follow_up_id: followUp.id } };
  const finish = useMutation({
    mutationFn: () =>
      answer(api.POST("/api/staff/reviews/follow-ups/{follow_up_id}", { params, body: { how: how.trim() } })),
    onSuccess: (found) => keepAnswer(client, keys.staff.reviews, found),
  });
  return (
    <li className={classes.entry}>
      <div className="row">
        <span className={classes.words}>{followUp.what}</span>
        <Button
          variant="default"
          size="compact-sm"
          aria-expanded={asking}
          aria-label={`Done: ${followUp.what}`}
          onClick={() => setAsking(!asking)}
        >
          Done
        </Button>
      </div>
      {asking && (
        <form
          className={classes.form}
          onSubmit={(event) => {
            event.preventDefault();
            if (!finish.isPending) finish.mutate();
          }}
        >
          <Textarea
            w="100%"
            label="How it was done"
            description="Name nobody: reviews are kept for years."
            required
            autoFocus
            autosize
            minRows={2}
            minLength={3}
            maxLength={1000}
            value={how}
            onChange={(event) => setHow(event.currentTarget.value)}
          />
          <ProblemNote error={finish.error} />
          <Button type="submit" loading={finish.isPending}>
            Keep
          </Button>
        </form>
      )}
    </li>
  );
}

/** One thing to do a line. */
const linesOf = (text: string): string[] =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");

function NoteForm({ review, onDone }: { review: ReviewKind; onDone: () => void }) {
  const client = useQueryClient();
  const { values, field } = useForm({ findings: "", follow_ups: "" });
  const note = useMutation({
    mutationFn: () =>
      answer(
        api.POST("/api/staff/reviews", {
          body: {
            kind: review.kind,
            findings: values.findings.trim(),
            follow_ups: linesOf(values.follow_ups),
          },
        }),
      ),
    onSuccess: (found) => {
      keepAnswer(client, keys.staff.reviews, found);
      onDone();
    },
  });
  const problem = asProblem(note.error);
  return (
    <form
      className={classes.form}
      onSubmit={(event) => {
        event.preventDefault();
        if (!note.isPending) note.mutate();
      }}
    >
      <Textarea
        w="100%"
        label="What you found, also that nothing was found"
        description="Name nobody: reviews are kept for years."
        required
        autoFocus
        autosize
        minRows={3}
        minLength={3}
        maxLength={4000}
        error={problem?.forField("findings")}
        {...field("findings")}
      />
      <Textarea
        w="100%"
        label="What is to be done, one thing a line"
        description="Each stays open until somebody says how it was done."
        autosize
        minRows={2}
        maxLength={4000}
        error={problem?.forField("follow_ups")}
        {...field("follow_ups")}
      />
      {problem?.errors.length === 0 && <ProblemNote error={problem} />}
      <Button type="submit" loading={note.isPending}>
        Keep this review
      </Button>
    </form>
  );
}
