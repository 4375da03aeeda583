"""Installing what the project needs, from nothing but Python 3.11, make and git.

Everything here runs before the virtual environment exists, so it uses the standard library alone.
"""
