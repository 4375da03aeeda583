"""What a media process serves on daphne: the same application as the web process, after saying what daphne cannot do."""

import logging

from config.asgi import application

__all__ = ["application"]

logging.getLogger(__name__).warning("calls lose text at each deploy, daphne does not drain")
