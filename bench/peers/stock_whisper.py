"""faster-whisper as it comes, in an environment of its own: `python stock_whisper.py MODEL_FOLDER UTTERANCES OUTPUT`.

UTTERANCES: an .npz of float32 audio at 16 kHz. OUTPUT: one JSON object, name -> text and the processor time it took.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np


def main(model_folder: str, utterances: str, output: str) -> None:
    from faster_whisper import WhisperModel  # type: ignore[import-not-found]

    model = WhisperModel(model_folder, device="cpu", compute_type="int8", cpu_threads=1)
    heard: dict[str, Any] = {}
    with np.load(utterances) as audio:
        warm, _ = model.transcribe(np.zeros(16_000, np.float32), language="en")
        list(warm)
        for name in audio.files:
            before_s = time.process_time()
            segments, _ = model.transcribe(audio[name], language="en")
            text = " ".join(segment.text.strip() for segment in segments)
            heard[name] = {"text": text, "cpu_s": time.process_time() - before_s}
    Path(output).write_text(json.dumps(heard))


if __name__ == "__main__":
    main(*sys.argv[1:])
