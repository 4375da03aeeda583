"""Starting child processes that cannot outlive whoever started them."""

import ctypes
import os
import signal
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(death_signal: signal.Signals) -> Callable[[], None]:
    """What a child runs before exec so that the kernel signals it when its parent dies, even by kill -9.

    The kernel means the parent's thread, so children are started from one that lives as long as the process.
    """
    parent = os.getpid()

    def ask_the_kernel() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        # Ctrl-C reaches the terminal's whole process group; the supervisor alone decides who stops, and when.
        os.setpgid(0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return ask_the_kernel
