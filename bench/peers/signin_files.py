"""The files of a folder, read beforehand, as an ASGI application that does nothing else: compressed where that is smaller, and for
ever where the name tells the content.
"""

import gzip
import mimetypes
import os
from pathlib import Path
from typing import Any

_FOLDER = Path(os.environ["BENCH_FILES"])


def _answer(file: Path) -> tuple[list[tuple[bytes, bytes]], bytes]:
    body, headers = file.read_bytes(), []
    packed = gzip.compress(body)
    if len(packed) < len(body) * 0.95:
        body = packed
        headers.append((b"content-encoding", b"gzip"))
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    keep = b"max-age=31536000, immutable" if file.parent.name == "assets" else b"no-cache"
    return [
        *headers,
        (b"content-type", kind.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", keep),
    ], body


_ANSWERS = {f"/{file.relative_to(_FOLDER)}": _answer(file) for file in _FOLDER.rglob("*") if file.is_file()}


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    headers, body = _ANSWERS.get(scope["path"], _ANSWERS["/index.html"])
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
