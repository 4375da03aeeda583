import { afterEach, expect, it, vi } from "vitest";
import { openMicrophone } from "./microphone";
import { softphone, update } from "./state";

function has(microphones: readonly string[]): void {
  const getUserMedia = async ({ audio }: { audio: true | { deviceId: { exact: string } } }) => {
    const wanted = audio === true ? microphones[0] : audio.deviceId.exact;
    if (wanted !== undefined && microphones.includes(wanted)) return wanted;
    const name = audio === true ? "NotFoundError" : "OverconstrainedError";
    throw Object.assign(new Error(), { name });
  };
  vi.stubGlobal("navigator", { mediaDevices: { getUserMedia } });
}

afterEach(() => vi.unstubAllGlobals());

it("takes the browser's choice of microphone once the chosen one is unplugged", async () => {
  update({ input: "headset" });
  has(["built-in", "headset"]);
  expect(await openMicrophone(softphone().input)).toBe("headset");
  has(["built-in"]);
  expect(await openMicrophone(softphone().input)).toBe("built-in");
  expect(softphone().input).toBe("");
});

it("says so when no microphone is left", async () => {
  has([]);
  await expect(openMicrophone("headset")).rejects.toMatchObject({ code: "microphone_missing" });
});
