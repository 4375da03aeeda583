import { Button } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import { Note, ProblemNote } from "../components/Note";
import { DeviceChoice } from "./DeviceChoice";
import { Level, move } from "./Level";
import { openMicrophone } from "./microphone";
import classes from "./Softphone.module.css";
import { update, useSoftphone } from "./state";

// Speech is louder than this, a quiet room is not; so many moments of it are no click of a mouse.
const HEARD_FROM = 0.08;
const HEARD_MOMENTS = 4;
const MOMENT_MS = 50;
// A microphone of which nothing is heard for so long is the wrong one, or switched off.
const SILENT_AFTER_MS = 8_000;

/** Listens, once it is pressed, until somebody was heard. */
export function MicrophoneCheck() {
  const { microphoneWorks, input } = useSoftphone();
  const [listens, setListens] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const runs = !microphoneWorks && listens && error === null;
  return (
    <div className="stack">
      {microphoneWorks ? (
        <p className="quiet" role="status">
          Your microphone works.{" "}
          <Button variant="subtle" size="compact-sm" onClick={() => again()}>
            Check again
          </Button>
        </p>
      ) : (
        !runs && (
          <>
            <Button variant="default" onClick={() => again()}>
              Check the microphone
            </Button>
            <p className="quiet">The browser asks you first. Nothing is recorded or sent.</p>
          </>
        )
      )}
      {runs && <Listening key={input} input={input} onError={setError} />}
      <ProblemNote error={error} />
      {(microphoneWorks || runs || error !== null) && <DeviceChoice key={String(runs)} />}
    </div>
  );

  function again(): void {
    setError(null);
    setListens(true);
    update({ microphoneWorks: false });
  }
}

function Listening({ input, onError }: { input: string; onError: (error: unknown) => void }) {
  const bar = useRef<HTMLDivElement>(null);
  const [silent, setSilent] = useState(false);
  useEffect(() => {
    let over = false;
    let end = (): void => {};
    openMicrophone(input).then(
      (stream) => {
        if (over) stopAll(stream);
        else end = listen(stream);
      },
      (error) => !over && onError(error),
    );
    function listen(stream: MediaStream): () => void {
      const context = new AudioContext();
      const analyser = context.createAnalyser();
      context.createMediaStreamSource(stream).connect(analyser);
      const samples = new Float32Array(analyser.fftSize);
      let loud = 0;
      const beganMs = performance.now();
      const timer = setInterval(() => {
        analyser.getFloatTimeDomainData(samples);
        const loudness = loudnessOf(samples);
        move(bar.current, loudness);
        if (loudness > HEARD_FROM) loud += 1;
        if (loud >= HEARD_MOMENTS) update({ microphoneWorks: true });
        setSilent(performance.now() - beganMs > SILENT_AFTER_MS);
      }, MOMENT_MS);
      return () => {
        clearInterval(timer);
        stopAll(stream);
        void context.close();
      };
    }
    return () => {
      over = true;
      end();
    };
  }, [input, onError]);
  return (
    <div className="stack">
      <p role="status">Say something: the bar moves when you are heard.</p>
      <dl className={classes.levels}>
        <dt>You</dt>
        <dd>
          <Level side="you" bar={bar} />
        </dd>
      </dl>
      {silent && (
        <Note tone="warn" role="status">
          Nothing is heard. Is the microphone switched on, and is it the right one?
        </Note>
      )}
    </div>
  );
}

function stopAll(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}

/** 0 to 1, as people hear it: from 60 dB below the loudest. */
function loudnessOf(samples: Float32Array): number {
  const power = samples.reduce((sum, each) => sum + each * each, 0) / samples.length;
  return Math.max(0, 1 + Math.log10(power + 1e-12) / 6);
}
