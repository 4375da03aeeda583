import { Button } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { answer, api } from "../api/client";
import { keys } from "../api/keys";
import { policyNoticeQuery } from "../api/policyQueries";
import { Note, ProblemNote } from "../components/Note";
import { onDate } from "../format/time";
import classes from "./PolicyNotice.module.css";

/** Tells of a coming version of the policy until the person says to have read of it. */
export function PolicyNotice() {
  const client = useQueryClient();
  const notice = useQuery(policyNoticeQuery);
  const confirm = useMutation({
    mutationFn: (version: string) => answer(api.POST("/api/policy/notice", { body: { version } })),
    onSettled: () => client.invalidateQueries({ queryKey: keys.policyNotice }),
  });
  const coming = notice.data?.coming;
  if (!coming || notice.data?.confirmed) return null;
  return (
    <div className={classes.notice}>
      <Note
        role="status"
        tone="warn"
        title={`Our privacy policy changes on ${onDate(coming.effective_on)}`}
        action={
          <div className="row">
            <Button
              size="compact-sm"
              onClick={() => confirm.mutate(coming.version)}
              loading={confirm.isPending}
            >
              I have read this
            </Button>
            <Link to="/policy/changes" search={{ version: coming.version }}>
              Every change, word by word
            </Link>
          </div>
        }
      >
        {coming.summary} Using Klosesales from that day on means that you accept it.
        {notice.data?.mail_came_back && (
          <p>
            Our mail to you about it came back. Look at your e-mail address in{" "}
            <Link to="/settings">the settings</Link>.
          </p>
        )}
        <ProblemNote error={confirm.error} />
      </Note>
    </div>
  );
}
