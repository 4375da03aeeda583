"""The product's media server with its reception alone: `python -m bench.peers.media_ours PORT GATHER_MS [listening]`

Everything up to the tracks' bounded audio is the product's own: upgrade, signature, parser, session, tick. Behind it stands
the same sink as behind its peers, in place of the token's look-up in the database and of voice activity and recognition,
whose cost is that of listening. With `listening` that stands there too, and the token's look-up alone is left out: for what a call
keeps in memory.
"""

import asyncio
import os
import sys
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch
from uuid import UUID, uuid4

from bench.peers.media_sink import SINK


def main(port: int, gather_ms: int, *, listening: bool) -> None:
    from config import media_server
    from voice.gathering import GatheringLoop
    from voice.transcripts import OpenStream

    def claimed(**asked: Any) -> OpenStream:
        return OpenStream(uuid4(), uuid4(), uuid4(), 0, "")

    def kept(*, positions_ms: dict[UUID, int], **asked: Any) -> frozenset[UUID]:
        return frozenset(positions_ms)

    def call() -> Any:
        # As the listener does it before each of its ticks.
        loop = asyncio.get_running_loop()
        assert isinstance(loop, GatheringLoop)
        SINK.bring, SINK.reading = loop.hand_over, loop.reception
        return SINK.call()

    with ExitStack() as undo:
        undo.enter_context(patch("voice.media_session.transcripts.claim_stream", claimed))
        if listening:
            undo.enter_context(patch("voice.keeper.transcripts.keep_streams", kept))
        else:
            undo.enter_context(patch("voice.media_session.CallPipeline", lambda stream, *, began_s: call()))
        media_server.run(host="127.0.0.1", port=port, gather_ms=gather_ms, drain_s=0, handover_s=0)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    main(int(sys.argv[1]), int(sys.argv[2]), listening="listening" in sys.argv[3:])
