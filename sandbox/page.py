"""The sandbox's page."""

from aiohttp import web

from sandbox.services import Services


def register(app: web.Application, services: Services) -> None:
    """Add the page's routes."""
