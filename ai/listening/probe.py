"""Whether a transcriber can do its work, for whoever waits with nothing at hand but a socket.

Apart from `wire`, whose libraries would stay in the memory of a supervisor that asks once.
"""

from __future__ import annotations

import json
import socket
import struct

from ai.listening.address import Address, parse_address

_PING = json.dumps({"id": 0, "op": "ping"}).encode()
_LENGTH = struct.Struct(">I")
_ANSWER_BYTES_MAX = 65_536
# To connect, to ask, and to read both parts of the answer.
_STEPS = 4


def is_proved(address: str, limit_s: float) -> bool:
    """Whether its models are loaded and have understood the self-test. It takes connections before that, so that speech can wait.

    limit_s: for all of the asking.
    """
    try:
        with _connected(parse_address(address), limit_s / _STEPS) as asking:
            asking.sendall(_LENGTH.pack(len(_PING)) + _PING + _LENGTH.pack(0))
            with asking.makefile("rb") as answers:
                (length,) = _LENGTH.unpack(answers.read(_LENGTH.size))
                return json.loads(answers.read(min(length, _ANSWER_BYTES_MAX))).get("is_proved") is True
    except (OSError, struct.error, ValueError, AttributeError):
        # Nobody is there, or somebody else, or it is no address, which the transcriber itself says.
        return False


def _connected(where: Address, limit_s: float) -> socket.socket:
    if not where.path:
        return socket.create_connection((where.host, where.port), limit_s)
    asking = socket.socket(socket.AF_UNIX)
    asking.settimeout(limit_s)
    try:
        asking.connect(where.path)
    except OSError:
        asking.close()
        raise
    return asking
