import { Button } from "@mantine/core";
import type { Queue } from "../../api/types";
import { when } from "../../format/time";
import shared from "../call/CallPage.module.css";
import classes from "./QueuePage.module.css";
import { filterWords, passedOverWords } from "./words";

interface AsideProps {
  queue: Queue;
  live: boolean;
  onEnd: () => void;
}

/** What one goes through, how much of it is left, and why some are passed over. */
export function QueueAside({ queue, live, onEnd }: AsideProps) {
  const passed = passedOverWords(queue.passed_over, live);
  return (
    <>
      <div>
        <h2>Queue</h2>
        <p className="quiet">{filterWords(queue)}</p>
      </div>
      <dl className={`${shared.facts} ${classes.counts}`}>
        <div>
          <dt>Left</dt>
          <dd>{queue.left.toLocaleString("en")}</dd>
        </div>
        <div>
          <dt>Called</dt>
          <dd>{queue.called}</dd>
        </div>
        <div>
          <dt>Skipped</dt>
          <dd>{queue.skipped}</dd>
        </div>
        <div>
          <dt>Next retry</dt>
          <dd>
            {queue.next_retry_at === null ? "None" : when(queue.next_retry_at, new Date())}
            {queue.waiting > 1 && <span className="quiet"> and {queue.waiting - 1} more</span>}
          </dd>
        </div>
      </dl>
      {passed.length > 0 && (
        <div className={classes.passed}>
          <h3>Passed over</h3>
          <ul>
            {passed.map((words) => (
              <li key={words}>{words}</li>
            ))}
          </ul>
        </div>
      )}
      {!live && (
        <div>
          <Button variant="default" size="compact-sm" onClick={onEnd}>
            Leave the queue
          </Button>
        </div>
      )}
    </>
  );
}
