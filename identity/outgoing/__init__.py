"""Signed messages to servers that a workspace names: what happened in its own calls and credits."""
