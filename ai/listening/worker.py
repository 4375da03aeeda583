"""One recogniser: a process on one thread that gets speech on its standard input and answers on its standard output.

Started by ai.listening.recogniser, never by hand. It writes no file and logs no text.
"""

from __future__ import annotations

import ctypes
import os
import signal
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from ai.listening import self_test
from ai.listening.engines.moonshine import MoonshineTranscriber
from ai.listening.engines.whisper import FINAL_BEAM, TINY_WIDTH, WhisperTranscriber
from ai.listening.model_files import moonshine_folder, second_pass_files, whisper_folder
from ai.listening.second_pass import SecondPass
from ai.listening.transcriber import Kind, ModelUnusable, RecognitionFailed, Transcriber
from ai.listening.wire import Answer, Refusal, Request, packed
from processors import guard

# sysexits.h: what this process was given to work with is wrong, so starting it again does not help.
EXIT_UNUSABLE = 78
# A process that has not answered by then is taken for one that hangs. Early enough for another to do a final again before nobody waits
# for it any more; a model that needs longer is refused at the start, or it would never finish a line.
LIMIT_S: Final[dict[Kind, float]] = {"final": 10.0, "interim": 10.0, "merged": 15.0}
NICENESS = 5
AUTOGROUP_TRIES, AUTOGROUP_AGAIN_S = 20, 0.11
NO_LARGER_MODEL = "none"
HEARS_AGAIN = "TRANSCRIBER_HEARS_AGAIN"
_SAID_MAX = 1_000
_SEE = " See docs/models.md."
_REMEDY = "Set {setting} to a folder with a model that this machine can use, or to nothing for the packaged one."
_PR_SET_PDEATHSIG = 1
_LENGTH = struct.Struct(">I")


def main() -> int:
    answers = _private_output()
    _die_with_parent()
    # Whoever serves a page or takes in audio needs the processor for a moment only, and needs it now.
    os.nice(NICENESS)
    _stand_back()
    guard.enclose()
    try:
        engines, smaller = _loaded()
    except ModelUnusable as error:
        # Whoever started us says it where it is read.
        _write(answers, Answer(id=0, refusal=Refusal(error.code, error.message)))
        return EXIT_UNUSABLE
    _write(answers, Answer(id=0, workers=1, has_smaller_model=smaller is not None))
    while (frame := _read(sys.stdin.buffer)) is not None:
        header, pcm = frame
        request = msgspec.json.decode(header, type=Request)
        engine = smaller if smaller is not None and request.smaller_model else engines[request.kind]
        _write(answers, _answer(engine, request, pcm))
    return 0


def _loaded() -> tuple[dict[Kind, Transcriber], Transcriber | None]:
    """The engines, and the smaller one of finals where there is one.

    :raises ModelUnusable: when one cannot be loaded, does not understand a known sentence, or is too slow; it names the setting.
    """
    chosen = os.environ.get("WHISPER_MODEL_PATH", "")
    with _told_of("WHISPER_MODEL_PATH", chosen):
        whisper = WhisperTranscriber(whisper_folder(chosen))
        # With the wide beam of merged turns, so finals need less.
        whisper_s = self_test.check("Whisper", whisper, LIMIT_S["final"])
        is_larger = whisper.width > TINY_WIDTH
    chosen = os.environ.get("MOONSHINE_MODEL_PATH", "")
    with _told_of("MOONSHINE_MODEL_PATH", chosen):
        moonshine = MoonshineTranscriber(moonshine_folder(chosen))
        self_test.check("Moonshine", moonshine, LIMIT_S["interim"])
    chosen = os.environ.get("SECOND_PASS_MODEL_PATH", "")
    with _told_of("SECOND_PASS_MODEL_PATH", chosen):
        merging = _merging(whisper, whisper_s, chosen)
    # The packaged one; the operator's setting is not to blame for it.
    smaller = _smaller() if is_larger else None
    return {"final": whisper.with_beam(FINAL_BEAM), "merged": merging, "interim": moonshine}, smaller


@contextmanager
def _told_of(setting: str, chosen: str) -> Iterator[None]:
    """An engine's own message may name a file or nothing, so it is told with the name of what the operator set.

    :raises ModelUnusable: whatever fails over it.
    """
    try:
        yield
    except Exception as error:  # Engines raise whatever their libraries do, and files what the disk does.
        said = error.message if isinstance(error, ModelUnusable) else f"The model cannot be used: {error}"
        # A path need not be text that can be sent, and an engine may say anything.
        said = said.encode(errors="backslashreplace").decode()[:_SAID_MAX]
        wrong = " ".join(said.split()).removesuffix(_SEE).rstrip(".") + "."
        if chosen:
            wrong = f"{setting} is {chosen!r}: {wrong} {_REMEDY.format(setting=setting)}"
        raise ModelUnusable(wrong + _SEE) from error


def _smaller() -> Transcriber:
    """The packaged model for when a larger one of the operator's has too much to do.

    It is loaded at the start: once it is wanted there is no time for that.

    :raises ModelUnusable: as _loaded does.
    """
    smaller = WhisperTranscriber(whisper_folder(""))
    self_test.check("smaller Whisper", smaller, LIMIT_S["final"])
    return smaller


def _merging(whisper: Transcriber, whisper_s: float, operator_path: str) -> Transcriber:
    """The engine of merged turns, with a second pass where the supervisor wants one in this process.

    whisper_s: of a merged turn's time, what the first pass needs.
    """
    if not os.environ.get(HEARS_AGAIN) or operator_path == NO_LARGER_MODEL:
        return whisper
    files = second_pass_files(operator_path)
    if operator_path:
        second = WhisperTranscriber(files.folder, files.parts)
        self_test.check("second-pass", second, LIMIT_S["merged"] - whisper_s)
    return SecondPass(whisper, lambda: WhisperTranscriber(files.folder, files.parts))


def _answer(engine: Transcriber, request: Request, pcm: bytes) -> Answer:
    started = time.perf_counter()
    try:
        recognition = engine.transcribe(pcm, request.context, thrifty=request.thrifty)
    except Exception as error:
        # The engine would refuse this very speech again; the next is none the worse for it. Its message may hold text.
        sys.stderr.write(f"An engine failed over {len(pcm)} bytes of speech: {type(error).__name__}.\n")
        return Answer(id=request.id, refusal=Refusal(RecognitionFailed.code, "The engine failed over this speech."))
    return Answer(id=request.id, recognition=recognition, computed_ms=round((time.perf_counter() - started) * 1_000))


def _private_output() -> BinaryIO:
    """Our own copy of standard output; whatever a native library prints goes to standard error instead."""
    kept = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return kept


def _stand_back() -> None:
    """In a session of its own, whose share of the processor counts as little: where the kernel shares it out among sessions first, a
    process' own niceness is heeded within its session alone, and what a recogniser uses would be taken from those beside it (Linux).
    """
    os.setsid()
    for _ in range(AUTOGROUP_TRIES):
        try:
            Path("/proc/self/autogroup").write_text(str(NICENESS))
        except BlockingIOError:
            # The kernel lets only one process in a tenth of a second.
            time.sleep(AUTOGROUP_AGAIN_S)
        except OSError:
            return
        else:
            return


def _die_with_parent() -> None:
    """A supervisor that is killed leaves no recogniser behind (Linux)."""
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        # The parent died before the call took effect.
        os._exit(1)


def _read(source: BinaryIO) -> tuple[bytes, bytes] | None:
    parts: list[bytes] = []
    for _ in range(2):
        length = source.read(_LENGTH.size)
        if len(length) < _LENGTH.size:
            return None
        parts.append(source.read(_LENGTH.unpack(length)[0]))
    return parts[0], parts[1]


def _write(out: BinaryIO, answer: Answer) -> None:
    out.write(packed(answer))
    out.flush()


if __name__ == "__main__":
    sys.exit(main())
