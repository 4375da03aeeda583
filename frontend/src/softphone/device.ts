import { Call, Device } from "@twilio/voice-sdk";

export type { Call as Line, Device } from "@twilio/voice-sdk";

const RECONNECT_WITHIN_MS = 30_000;
const RENEW_BEFORE_MS = 60_000;

/** In the place of the SDK's sounds, which it would fetch from Twilio's servers. The tones of keys the browser makes itself. */
class Silence {
  play(): Promise<void> {
    return Promise.resolve();
  }
  stop(): void {}
  setSinkIds(): void {}
}

/** What the SDK takes and does not list. publishEvents: whether Twilio is told how each call sounds. */
interface Options extends Device.Options {
  Sound: typeof Silence;
  publishEvents: boolean;
}

/** Twilio's own side of a call, which connects when it is first asked to call. */
export function openDevice(token: string): Device {
  const options: Options = {
    closeProtection: true,
    codecPreferences: [Call.Codec.Opus, Call.Codec.PCMU],
    // The page says what is wrong; the console is for faults of the page.
    logLevel: "silent",
    maxCallSignalingTimeoutMs: RECONNECT_WITHIN_MS,
    publishEvents: false,
    Sound: Silence,
    tokenRefreshMs: RENEW_BEFORE_MS,
  };
  return new Device(token, options);
}

export const isSupported = (): boolean => Device.isSupported;
