import { useEffect, useState } from "react";

export interface Devices {
  inputs: readonly MediaDeviceInfo[];
  outputs: readonly MediaDeviceInfo[];
}

const NONE: Devices = { inputs: [], outputs: [] };

/** The microphones and speakers that the browser names, which it does once the microphone was allowed. */
export function useDevices(): Devices {
  const [devices, setDevices] = useState(NONE);
  useEffect(() => {
    const { mediaDevices } = navigator;
    if (!mediaDevices) return;
    let shown = true;
    async function look(): Promise<void> {
      const found = (await mediaDevices.enumerateDevices()).filter((each) => each.label !== "");
      if (!shown) return;
      const of = (kind: MediaDeviceKind) => found.filter((each) => each.kind === kind);
      setDevices({ inputs: of("audioinput"), outputs: of("audiooutput") });
    }
    const again = (): void => void look().catch(() => setDevices(NONE));
    again();
    mediaDevices.addEventListener("devicechange", again);
    return () => {
      shown = false;
      mediaDevices.removeEventListener("devicechange", again);
    };
  }, []);
  return devices;
}
