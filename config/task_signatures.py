"""Tasks in Redis carry a signature, and those that were queued before the secret changed are still believed."""

from collections.abc import Sequence
from typing import Any

from huey.serializer import SignedSerializer


class RotatedSerializer:
    """Signs with the first secret, and opens what any of them signed. As huey asks its serializers."""

    def __init__(self, secrets: Sequence[str], salt: str) -> None:
        self._newest, *self._former = [SignedSerializer(secret=secret, salt=salt) for secret in secrets]

    def serialize(self, task: Any) -> bytes:
        signed: bytes = self._newest.serialize(task)
        return signed

    def deserialize(self, signed: bytes) -> Any:
        """Raises ValueError for what none of them signed, before any of it is opened."""
        for former in self._former:
            try:
                return former.deserialize(signed)
            except ValueError:
                continue
        return self._newest.deserialize(signed)
