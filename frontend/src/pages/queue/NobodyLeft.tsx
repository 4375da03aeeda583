import { Button, Kbd } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { Queue } from "../../api/types";
import { when } from "../../format/time";
import classes from "./QueuePage.module.css";
import { passedOverWords } from "./words";

interface NobodyProps {
  queue: Queue;
  waits: boolean;
  onNext: () => void;
}

/** Nothing is reserved: why, and what to do about it. */
export function NobodyLeft({ queue, waits, onNext }: NobodyProps) {
  const passed = passedOverWords(queue.passed_over, false);
  return (
    <div className={classes.ahead}>
      <h1>{queue.left > 0 ? "Take the next lead" : "Nobody left to call now"}</h1>
      {queue.left === 0 && queue.next_retry_at !== null && (
        <p>
          The next retry is due {when(queue.next_retry_at, new Date())}. Stay here, or come back then: press
          Next lead.
        </p>
      )}
      {queue.next_open_at !== null && (
        <p>Calling hours begin again {when(queue.next_open_at, new Date())} for the first of these leads.</p>
      )}
      {passed.length > 0 && <p>{passed.join("; ")}.</p>}
      {queue.left === 0 && (
        <p className="quiet">
          Leave the queue and choose other leads, or <Link to="/leads">add, import or tag some</Link>.
        </p>
      )}
      <div>
        <Button onClick={onNext} loading={waits} variant={queue.left > 0 ? "filled" : "default"}>
          Next lead <Kbd ml={8}>j</Kbd>
        </Button>
      </div>
    </div>
  );
}
