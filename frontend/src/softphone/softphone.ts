import { answer, api } from "../api/client";
import type { VoiceToken } from "../api/types";
import type { Device, Line } from "./device";
import { openMicrophone } from "./microphone";
import { noteLeaving, QUIET, softphone, update } from "./state";
import { type Failure, failureOf, failureProblem, isOfToken, type Reached } from "./words";

// With the carrier out of reach the SDK neither connects nor gives up.
const CONNECT_WITHIN_MS = 15_000;
// A call may outlast its token by hours, so each begins with one that was made a moment ago.
const NEW_FOR_MS = 60_000;
const RENEW_AGAIN_MS = 2_000;

type Levels = (input: number, output: number) => void;

let device: Device | null = null;
let line: Line | null = null;
// How far it has come.
let reached: Reached = "nothing";
// Of the token that the device has.
let madeMs = 0;
let expiresMs = 0;
let renewsLater = false;
const listeners = new Set<Levels>();

/** Loudness of both sides, each 0 to 1, some twenty times a second. Returns what ends it. */
export function onLevels(listener: Levels): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Everything that a call needs before it is placed: the microphone, Twilio's SDK, a token. Throws Problem. */
export async function prepare(): Promise<void> {
  const stream = await openMicrophone(softphone().input);
  for (const track of stream.getTracks()) track.stop();
  update({ failure: null });
  if (device !== null && Date.now() - madeMs < NEW_FOR_MS) return;
  const [sdk, made] = await Promise.all([import("./device"), newToken()]);
  if (!sdk.isSupported()) throw failureProblem("not_supported");
  if (device !== null) {
    renew(device, made);
    return;
  }
  note(made);
  device = sdk.openDevice(made.token);
  device.on("tokenWillExpire", renewWhenIdle);
  device.on("error", (error: { code?: number }) => {
    const { callId, stage } = softphone();
    if (callId !== null && stage === "connecting" && isOfToken(error.code)) fail(callId, "not_let_in");
  });
}

function newToken(): Promise<VoiceToken> {
  return answer(api.POST("/api/voice-token"));
}

function note(made: VoiceToken): void {
  madeMs = Date.now();
  expiresMs = Date.parse(made.expires_at);
}

function renew(renewed: Device, made: VoiceToken): void {
  renewed.updateToken(made.token);
  note(made);
}

/** Between calls: renewing in one can cost a second of sound. */
function renewWhenIdle(): void {
  if (waitsForTheEnd() || device === null) return;
  newToken().then(
    (made) => {
      // A call may have begun meanwhile.
      if (!waitsForTheEnd() && device !== null) renew(device, made);
    },
    () => {
      if (!waitsForTheEnd()) close();
    },
  );
}

function waitsForTheEnd(): boolean {
  renewsLater = softphone().callId !== null;
  return renewsLater;
}

/** In a call whose connection is being restored: the carrier lets nobody in again whose token has ended. */
function renewToReturn(callId: string): void {
  if (expiresMs > Date.now()) return;
  newToken().then(
    (made) => {
      if (isOf(callId) && device !== null) renew(device, made);
    },
    () => {
      // The network is away still. The SDK says when it gives up.
      setTimeout(() => {
        if (isOf(callId) && softphone().stage === "reconnecting") renewToReturn(callId);
      }, RENEW_AGAIN_MS);
    },
  );
}

/** Begins the sound of a call that waits for this page. Not awaited: what becomes of it is in the state. */
export function connect(callId: string, dialToken: string): void {
  if (device === null) {
    // A token could not be renewed a moment ago.
    fail(callId, "not_let_in");
    return;
  }
  reached = "nothing";
  update({ ...QUIET, callId, stage: "connecting", failure: null });
  // Once for the page, however often it calls.
  window.addEventListener("beforeunload", noteLeaving);
  setTimeout(() => {
    // A carrier that has taken the call rings the lead, sound or no sound.
    if (isOf(callId) && softphone().stage === "connecting")
      fail(callId, reached === "nothing" ? "unreachable" : "media_failed");
  }, CONNECT_WITHIN_MS);
  withChosenDevices(device)
    .then((ready) => ready.connect({ params: { token: dialToken } }))
    .then((opened) => {
      if (isOf(callId)) attend(callId, opened);
      else opened.disconnect();
    })
    .catch((error: { code?: number }) => {
      if (isOf(callId)) fail(callId, failureOf(error.code, "nothing"));
    });
}

function isOf(callId: string): boolean {
  return softphone().callId === callId;
}

/** What the SDK tells of a line, in the state. */
export function attend(callId: string, opened: Line): void {
  line = opened;
  // What ends a line is told just before its end or after it; what does not, such as a key that was not sent, is over once sound
  // comes again.
  let trouble: Failure | null = null;
  opened.on("accept", () => {
    reached = "carrier";
  });
  // The carrier accepts before any sound is on its way, which a firewall may keep back altogether.
  opened.on("sample", ({ bytesReceived }: { bytesReceived: number }) => {
    if (bytesReceived === 0) return;
    trouble = null;
    if (reached === "sound") return;
    reached = "sound";
    if (isOf(callId)) update({ stage: "open" });
  });
  opened.on("reconnecting", () => {
    if (!isOf(callId)) return;
    if (reached === "sound") update({ stage: "reconnecting" });
    renewToReturn(callId);
  });
  opened.on("reconnected", () => {
    trouble = null;
    if (isOf(callId) && reached === "sound") update({ stage: "open" });
  });
  opened.on("mute", (muted: boolean) => isOf(callId) && update({ muted }));
  opened.on("warning", (name: string) => {
    const { warnings } = softphone();
    if (isOf(callId) && !warnings.includes(name)) update({ warnings: [...warnings, name] });
  });
  opened.on("warning-cleared", (name: string) => {
    if (isOf(callId)) update({ warnings: softphone().warnings.filter((each) => each !== name) });
  });
  opened.on("volume", (input: number, output: number) => {
    for (const listen of listeners) listen(input, output);
  });
  opened.on("error", (error: { code?: number }) => {
    trouble = failureOf(error.code, reached);
    if (opened.status() !== "closed") return;
    if (isOf(callId)) fail(callId, trouble);
    else if (softphone().failure?.callId === callId) update({ failure: { callId, why: trouble } });
  });
  for (const end of ["disconnect", "cancel", "reject"] as const) {
    opened.on(end, () => {
      if (!isOf(callId)) return;
      if (trouble !== null) fail(callId, trouble);
      else if (reached === "nothing") fail(callId, "turned_away");
      else fallQuiet();
    });
  }
}

/** Says why, and lets go of the call: the server would find out later. */
function fail(callId: string, why: Failure): void {
  update({ failure: { callId, why } });
  close();
  void answer(api.POST("/api/calls/{call_id}/hangup", { params: { path: { call_id: callId } } })).catch(
    () => {
      // The server gives up by itself a call whose page does not come.
    },
  );
}

function fallQuiet(): void {
  line = null;
  update(QUIET);
  void device?.audio?.unsetInputDevice().catch(() => {
    // There was none to let go of.
  });
  if (renewsLater) renewWhenIdle();
}

/** Ends the sound, if this page carries it; the call itself is ended at the server. */
export function hangUp(callId: string): void {
  if (!isOf(callId)) return;
  const ending = line;
  const waits = softphone().stage === "connecting";
  fallQuiet();
  ending?.disconnect();
  if (waits) close();
}

/** Lets go of everything; the next call begins anew. */
function close(): void {
  const closing = device;
  device = null;
  line = null;
  renewsLater = false;
  update(QUIET);
  closing?.destroy();
}

export function toggleMute(): void {
  line?.mute(!line.isMuted());
}

/** A key of the telephone: 0 to 9, * or #. */
export function pressKey(key: string): void {
  line?.sendDigits(key);
}

/** Other devices from now on, in a call that goes on too. Rejects where the browser refuses. */
export async function chooseDevices(chosen: { input?: string; output?: string }): Promise<void> {
  update(chosen);
  if (device !== null && softphone().callId !== null) await withChosenDevices(device);
}

async function withChosenDevices(chosen: Device): Promise<Device> {
  const { input, output } = softphone();
  const audio = chosen.audio;
  if (audio === null) return chosen;
  // The SDK takes a while to list them.
  if (input && audio.availableInputDevices.has(input)) await audio.setInputDevice(input);
  if (audio.isOutputSelectionSupported && output && audio.availableOutputDevices.has(output)) {
    await audio.speakerDevices.set(output);
  }
  return chosen;
}
