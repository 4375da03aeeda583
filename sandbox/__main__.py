"""`python -m sandbox`: run until a signal."""

import logging
import sys

from aiohttp import web

from sandbox.app import build
from sandbox.services import assemble
from sandbox.settings import SandboxSettingInvalid, from_environment

SHUTDOWN_S = 2.0


def main() -> int:
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    try:
        settings = from_environment()
    except SandboxSettingInvalid as error:
        sys.stderr.write(f"{error}\n")
        return 2
    web.run_app(
        build(assemble(settings)),
        host="127.0.0.1",
        port=settings.port,
        access_log=None,
        print=None,
        shutdown_timeout=SHUTDOWN_S,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
