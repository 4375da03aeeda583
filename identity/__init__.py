"""Workspaces, people, sessions, one-time passcodes and rights."""
