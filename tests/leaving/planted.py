"""Connections out of the product's own process: by Python, whose guard refuses them, and by code in C, which no guard sees."""

# Run by `manage.py shell` in the product's environment; prints how each went as JSON.
PLANTED = """
import ctypes, errno, json, socket, urllib.request
from pathlib import Path
from django.conf import settings
from django.utils import timezone
from processors import alerts, blocked, guard

def outcome(act):
    try:
        act()
    except OSError as error:
        cause = getattr(error, "reason", error)
        return type(cause).__name__
    return "went out"

told = {
    "by name": outcome(lambda: urllib.request.urlopen("http://tracker.example/?who=me", timeout=2)),
    "by address": outcome(lambda: socket.create_connection(("203.0.113.9", 443), timeout=2)),
}
libc = ctypes.CDLL(None, use_errno=True)
out = socket.socket()
out.setblocking(False)
where = socket.AF_INET.to_bytes(2, "little") + (443).to_bytes(2, "big") + bytes([203, 0, 113, 7]) + bytes(8)
libc.connect(out.fileno(), where, len(where))
told["by C"] = errno.errorcode.get(ctypes.get_errno(), "")
libc.getaddrinfo(b"c.tracker.example", None, None, ctypes.byref(ctypes.c_void_p()))
blocked.collect(folder=Path(settings.DATA_DIR) / "egress")
alerts.tell_of_blocked_egress(now=timezone.now())
print(json.dumps(told))
"""
