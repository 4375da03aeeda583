"""Composition roots: settings, urls, asgi and the embedded stack."""
