import { update } from "./state";
import { failureProblem, microphoneFailure } from "./words";

/**
 * The microphone as a stream; whoever asks stops it. Throws Problem with what to do.
 *
 * A chosen one that was unplugged gives way to the browser's own choice.
 */
export async function openMicrophone(input: string): Promise<MediaStream> {
  if (!navigator.mediaDevices) throw failureProblem("not_supported");
  try {
    return await navigator.mediaDevices.getUserMedia({
      audio: input ? { deviceId: { exact: input } } : true,
    });
  } catch (error) {
    if (input && microphoneFailure(error) === "microphone_missing") {
      update({ input: "" });
      return openMicrophone("");
    }
    throw failureProblem(microphoneFailure(error));
  }
}
