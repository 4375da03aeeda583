#!/usr/bin/env python
"""Django's command line for this project."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        execute_from_command_line(sys.argv)
    finally:
        # Most commands publish nothing and have not loaded it.
        if publish := sys.modules.get("realtime.publish"):
            publish.flush()
