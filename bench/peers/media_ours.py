"""The product's media server with its reception alone: `python -m bench.peers.media_ours PORT GATHER_MS`

Everything up to the tracks' bounded audio is the product's own: upgrade, signature, parser, session, tick. Behind it stands
the same sink as behind its peers, in place of the token's look-up in the database and of voice activity and recognition,
whose cost is that of listening.
"""

import os
import sys
from typing import Any
from unittest.mock import patch
from uuid import UUID

from bench.peers.media_sink import SINK

NOBODY = UUID(int=0)


def main(port: int, gather_ms: int) -> None:
    from config import media_server
    from voice.transcripts import OpenStream

    def claimed(**asked: Any) -> OpenStream:
        return OpenStream(NOBODY, NOBODY, NOBODY, 0, "")

    with (
        patch("voice.media_session.transcripts.claim_stream", claimed),
        patch("voice.media_session.CallPipeline", lambda stream: SINK.call()),
    ):
        media_server.run(host="127.0.0.1", port=port, gather_ms=gather_ms, drain_s=0, handover_s=0)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    main(int(sys.argv[1]), int(sys.argv[2]))
