"""Messages that a killed process had taken from Valkey and not yet delivered."""

from datetime import datetime

from django.conf import settings
from redis import Redis

_IN_FLIGHT = "klose*!$inflight"
_REPLY_LIMIT_S = 5.0
# As `expiry` of the channel layer in the settings.
_TERM_S = 60


def expire_leftovers(*, now: datetime) -> None:
    """Gives them the term of every other message; channels_redis keeps what is in flight under a key without one.

    A process that lives and loses the key in this way loses nothing but the chance to deliver a message twice.
    """
    for url in settings.REDIS_URLS:
        with Redis.from_url(url, socket_timeout=_REPLY_LIMIT_S) as valkey:
            for key in valkey.scan_iter(match=_IN_FLIGHT, count=1_000):
                valkey.expire(key, _TERM_S, nx=True)
