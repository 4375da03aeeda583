import { Button, Kbd } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import type { Call } from "../api/types";
import { Note } from "../components/Note";
import { useKey } from "../components/useKey";
import { DeviceChoice } from "./DeviceChoice";
import { FailureNote } from "./FailureNote";
import { Keypad } from "./Keypad";
import { Level, move } from "./Level";
import classes from "./Softphone.module.css";
import { onLevels, toggleMute } from "./softphone";
import { useSoftphone } from "./state";
import { warningWords } from "./words";

/** The sound of a call in the browser that goes on: how loud, muted or not, keys, and what is wrong with it. */
export function SoundPanel({ call }: { call: Call }) {
  const { callId, failure } = useSoftphone();
  if (callId === call.id) return <Sound leadName={call.lead.name} />;
  return failure?.callId === call.id ? <FailureNote callId={call.id} /> : <Elsewhere />;
}

/** The server says that the call goes on, and this page carries no sound of it. */
function Elsewhere() {
  return (
    <Note tone="warn" role="status" title="This page has no sound of the call">
      You talk in another window. If that one is gone, so is your side of the call: it cannot be joined again,
      and ends by itself within half a minute. Hang up here if it should end now.
    </Note>
  );
}

function Sound({ leadName }: { leadName: string }) {
  const { stage, muted, warnings } = useSoftphone();
  const [keypad, setKeypad] = useState(false);
  const you = useRef<HTMLDivElement>(null);
  const lead = useRef<HTMLDivElement>(null);
  const open = stage !== "connecting";
  useKey("m", toggleMute, open);
  useKey("k", () => setKeypad((shown) => !shown), open);
  useEffect(
    () =>
      onLevels((input, output) => {
        move(you.current, input);
        move(lead.current, output);
      }),
    [],
  );
  if (!open) {
    return (
      <p className="quiet" role="status">
        Connecting this page with the carrier. Leave it open.
      </p>
    );
  }
  return (
    <section className="stack" aria-label="Sound">
      {stage === "reconnecting" && (
        <Note tone="warn" role="alert">
          The connection to the carrier was lost and is being restored. Stay on this page.
        </Note>
      )}
      {warningWords(warnings).map((words) => (
        <Note key={words} tone="warn" role="status">
          {words}
        </Note>
      ))}
      <dl className={classes.levels}>
        <dt>{muted ? "You, muted" : "You"}</dt>
        <dd>
          <Level side="you" bar={you} />
        </dd>
        <dt>{leadName}</dt>
        <dd>
          <Level side="lead" bar={lead} />
        </dd>
      </dl>
      <div className={classes.acts}>
        <Button variant={muted ? "light" : "default"} aria-pressed={muted} onClick={toggleMute}>
          Mute <Kbd ml={8}>m</Kbd>
        </Button>
        <Button variant="default" aria-expanded={keypad} onClick={() => setKeypad((shown) => !shown)}>
          Keypad <Kbd ml={8}>k</Kbd>
        </Button>
      </div>
      <p className="visually-hidden" role="status">
        {muted ? "You are muted." : ""}
      </p>
      {keypad && <Keypad />}
      <DeviceChoice />
    </section>
  );
}
