import { Problem } from "../api/problem";

/** Why this page's sound did not come about, or ended. */
export type Failure =
  | "microphone_refused"
  | "microphone_missing"
  | "microphone_busy"
  | "not_supported"
  | "unreachable"
  | "not_let_in"
  | "turned_away"
  | "media_failed"
  | "lost"
  | "left";

const FAILURES: Record<Failure, { title: string; detail: string }> = {
  microphone_refused: {
    title: "The microphone is not allowed",
    detail:
      "Your browser keeps this page from the microphone. Allow it beside the page's address, then try again; or call by phone.",
  },
  microphone_missing: {
    title: "No microphone was found",
    detail: "Plug one in or switch it on, then try again; or call by phone.",
  },
  microphone_busy: {
    title: "The microphone gives no sound",
    detail: "Another program may hold it. Close that, then try again; or call by phone.",
  },
  not_supported: {
    title: "This browser cannot carry a call",
    detail: "Take a current Chrome, Edge, Firefox or Safari, or call by phone.",
  },
  unreachable: {
    title: "The carrier could not be reached",
    detail:
      "It did not answer within 15 seconds, so the call was given up. Nothing was charged. Look whether your network lets this page through, or call by phone.",
  },
  not_let_in: {
    title: "The carrier did not let this page in",
    detail: "Nothing was charged. Try again, or call by phone; if it stays so, write to support.",
  },
  turned_away: {
    title: "The carrier did not take the call",
    detail: "Nothing was charged. Try again, or call by phone.",
  },
  media_failed: {
    title: "The sound did not get through",
    detail:
      "Your network or a firewall keeps it back. The lead's phone may have rung, and a minute is charged if they answered. Try another network, or call by phone.",
  },
  lost: {
    title: "The connection to the carrier was lost",
    detail:
      "Your side of the call has ended, and the call with it. Look after your network, then call again.",
  },
  left: {
    title: "This page was loaded anew in the call",
    detail:
      "That ended its sound, which cannot be taken up again, and with it the call. Call again to go on where you were.",
  },
};

export function failureWords(why: Failure): { title: string; detail: string } {
  return FAILURES[why];
}

export function failureProblem(why: Failure): Problem {
  const { title, detail } = FAILURES[why];
  return new Problem(0, why, title, detail);
}

/** How far a line has come: the carrier has taken the call, then the first sound of it is here. */
export type Reached = "nothing" | "carrier" | "sound";

/** What an error of Twilio's means to a line that has come so far. */
export function failureOf(code: number | undefined, reached: Reached): Failure {
  if (code === 31401) return "microphone_refused";
  if (code === 31402) return "microphone_busy";
  if (code !== undefined && LETS_NOBODY_IN.has(code)) return "not_let_in";
  if (code !== undefined && code >= 53400 && code < 53500)
    return reached === "sound" ? "lost" : "media_failed";
  return reached === "nothing" ? "unreachable" : "lost";
}

// The token is wrong, too old, of another account or application.
const LETS_NOBODY_IN = new Set([20101, 20103, 20104, 20107, 20151, 20157, 31201, 31202, 31204, 31205, 31207]);

export function isOfToken(code: number | undefined): boolean {
  return code !== undefined && LETS_NOBODY_IN.has(code);
}

/** Why the browser did not open the microphone. */
export function microphoneFailure(error: unknown): Failure {
  const name = error instanceof Error ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") return "microphone_refused";
  if (name === "NotFoundError" || name === "OverconstrainedError") return "microphone_missing";
  return "microphone_busy";
}

const BREAKS_UP = "The connection loses sound: words may be missing on both sides.";
const WARNINGS: Record<string, string> = {
  "high-rtt": "The connection is slow: you hear each other late. Let the other finish.",
  "high-jitter": "The connection is uneven: the sound may break up.",
  "high-packet-loss": BREAKS_UP,
  "high-packets-lost-fraction": BREAKS_UP,
  "low-mos": "The sound is poor. A cable instead of Wi-Fi, or fewer downloads, may help.",
  "low-bytes-received": "No sound arrives from the carrier: you may not hear the lead.",
  "low-bytes-sent": "No sound leaves this page: the lead may not hear you.",
  "constant-audio-input-level": "Your microphone gives no sound. Is it switched off, or the wrong one?",
  "ice-connectivity-lost": "The sound has stopped; the connection is being restored.",
};

/** What Twilio's warnings mean for who talks; each sentence once. */
export function warningWords(names: readonly string[]): string[] {
  return [...new Set(names.map((name) => WARNINGS[name]).filter((words) => words !== undefined))];
}
