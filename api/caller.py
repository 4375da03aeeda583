"""Who is asking."""

from django.http import HttpRequest

from identity.auth import Actor


def actor_of(request: HttpRequest) -> Actor:
    """The signed-in, phone-verified caller that the API's authentication put on the request."""
    actor = request.auth  # type: ignore[attr-defined]
    assert isinstance(actor, Actor)
    return actor
