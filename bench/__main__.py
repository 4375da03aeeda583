"""Runs one benchmark and prints one JSON object as its last line; without a name, lists the names."""

import importlib
import json
import sys
from collections.abc import Callable

from bench.report import Report

# Name -> what it measures; the module of that name in this package has run().
NAMES = {
    "fanout": "one event to 10, 100 and 1,000 browser sockets",
    "media": "Twilio's media frames in, from 40 calls to thousands",
    "ledger": "debits and minute ticks, durable: against the usual ways, a library and what PostgreSQL can do",
    "rest": "what authentication adds to a request: sessions, keys, and Django's own beside them",
    "signin": "how soon the sign-in page takes a letter in a real browser, nothing cached and again",
    "statement": "the statement's export: memory and rate, from 1,000 to 100,000 entries",
    "calling": "from the press of Call to the carrier, callbacks, their events, import, lists beside usual stacks",
    "erasure": "somebody with 1,000 calls is exported and erased while others call: seconds, waits, bytes left",
    "retention": "of ten million segments those of a day go, while others call: seconds, waits (about 15 minutes)",
    "listening": "speech in, text out in true real time: delay, word errors, calls (about 15 minutes)",
    "hour": "one call of an hour with its page open in a real browser: losses, memory, keys (an hour)",
}


def main(arguments: list[str]) -> int:
    name = arguments[0] if arguments else ""
    if not name:
        print("Benchmarks (make bench NAME=...):")
        for known, measures in NAMES.items():
            print(f"  {known:<10} {measures}")
        return 0
    if name not in NAMES:
        print(f"There is no benchmark {name!r}. There are: {', '.join(NAMES)}.", file=sys.stderr)
        return 2
    # Whatever follows the name is the benchmark's own to read.
    run: Callable[[], Report] = importlib.import_module(f"bench.{name}").run
    print(json.dumps(run().as_json()), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
