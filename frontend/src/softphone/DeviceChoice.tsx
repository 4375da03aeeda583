import { NativeSelect } from "@mantine/core";
import { useState } from "react";
import { Note } from "../components/Note";
import classes from "./Softphone.module.css";
import { chooseDevices } from "./softphone";
import { useSoftphone } from "./state";
import { useDevices } from "./useDevices";

function choices(devices: readonly MediaDeviceInfo[]) {
  // The browser lists its own choice too, under this name.
  const others = devices.filter((each) => each.deviceId !== "default");
  return [
    { value: "", label: "The browser's choice" },
    ...others.map((each) => ({ value: each.deviceId, label: each.label })),
  ];
}

/** Which microphone and which speaker; where the browser lets a page choose. */
export function DeviceChoice() {
  const { input, output } = useSoftphone();
  const { inputs, outputs } = useDevices();
  const [refused, setRefused] = useState(false);
  function choose(chosen: { input?: string; output?: string }): void {
    chooseDevices(chosen).then(
      () => setRefused(false),
      () => setRefused(true),
    );
  }
  if (inputs.length === 0) return null;
  return (
    <details className={classes.devices}>
      <summary>Microphone and speaker</summary>
      <div className="stack">
        <NativeSelect
          label="Microphone"
          data={choices(inputs)}
          value={input}
          onChange={(event) => choose({ input: event.currentTarget.value })}
        />
        {outputs.length > 0 && (
          <NativeSelect
            label="Speaker"
            data={choices(outputs)}
            value={output}
            onChange={(event) => choose({ output: event.currentTarget.value })}
          />
        )}
        {refused && (
          <Note tone="bad" role="alert">
            The browser does not open this device. Choose another.
          </Note>
        )}
      </div>
    </details>
  );
}
