"""What the hub hands to every socket: one event's text, and the bytes of its WebSocket frame, made once for all of them."""

from functools import cached_property


class Frame:
    """One unmasked, unfragmented text frame (RFC 6455, section 5.2)."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def wire(self) -> bytes:
        """The whole frame as a server sends it."""
        payload = self.text.encode()
        size = len(payload)
        if size < 126:
            return bytes((0x81, size)) + payload
        if size < 65_536:
            return b"\x81\x7e" + size.to_bytes(2) + payload
        return b"\x81\x7f" + size.to_bytes(8) + payload


def refused(call_id: object) -> Frame:
    """Of this call, or of the team's calls for None, the socket hears nothing; when it may again it has to ask again."""
    which = "null" if call_id is None else f'"{call_id}"'
    return Frame(f'{{"topic":"","event":{{"type":"refused","call_id":{which},"code":"not_found"}}}}')
