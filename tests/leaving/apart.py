"""A process with no network but its own loopback, and a resolver there that writes down every name that is asked for.

By namespaces of Linux: as root with them alone; as anybody, and as a root who may do little, in a user namespace of one's own.
"""

import ctypes
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import Final

_NEW_MOUNTS, _NEW_USERS, _NEW_NETWORK = 0x0002_0000, 0x1000_0000, 0x4000_0000
_REMOUNT, _BIND, _PRIVATE_BELOW = 0x20, 0x1000, 0x4_4000
_SET_FLAGS, _UP = 0x8914, 0x41
_EVERY_ID: Final = 4_294_967_295
_RESOLVER: Final = ("127.0.0.1", 53)
# The answer "there is no such name" to a question that wanted recursion.
_NO_SUCH_NAME: Final = 0x8183

_libc = ctypes.CDLL(None, use_errno=True)


class CannotBeApart(OSError):
    """This machine allows no namespaces to this user."""


class Resolver:
    """Answers every question with "no such name". asked: the names, in order."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(_RESOLVER)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            question, who = self._socket.recvfrom(4096)
            labels, at = [], 12
            while (length := question[at]) and at + length < len(question):
                labels.append(question[at + 1 : at + 1 + length].decode(errors="replace"))
                at += length + 1
            self.asked.append(".".join(labels))
            header = question[:2] + struct.pack(">HHHHH", _NO_SUCH_NAME, 1, 0, 0, 0)
            self._socket.sendto(header + question[12 : at + 5], who)


def enter() -> Resolver:
    """Moves this process, which has one thread, and all that it starts later. Raises CannotBeApart."""
    if os.geteuid() != 0 or _libc.unshare(_NEW_NETWORK | _NEW_MOUNTS) != 0:
        _become_own_user()
        if _libc.unshare(_NEW_NETWORK | _NEW_MOUNTS) != 0:
            raise CannotBeApart(ctypes.get_errno(), "no network namespace")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sH14x", b"lo", _UP))
    _mount(None, "/", _PRIVATE_BELOW)
    # A resolver of the machine that is asked through a socket in the file system would still lead outside.
    _replace("/etc/nsswitch.conf", "hosts: files dns\npasswd: files\ngroup: files\n")
    _replace("/etc/resolv.conf", f"nameserver {_RESOLVER[0]}\noptions timeout:1 attempts:1\n")
    return Resolver()


def ways_out_tried() -> int:
    """How often any process in here, whatever it is written in, looked for a way to an address that is not loopback."""
    names, values = (
        line.split() for line in Path("/proc/self/net/snmp").read_text().splitlines() if line.startswith("Ip:")
    )
    return int(dict(zip(names, values, strict=True))["OutNoRoutes"])


class Disk:
    """A disk of this process's own, in memory, in the place of a folder whose files it gets; only within namespaces."""

    _SIZE: Final = "1g"

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        owner = folder.stat()
        beside = folder.rename(folder.with_name(f"{folder.name}.before"))
        folder.mkdir()
        _mount("tmpfs", self._folder, 0, "tmpfs", f"size={self._SIZE},mode=700,uid={owner.st_uid},gid={owner.st_gid}")
        subprocess.run(["cp", "--archive", f"{beside}/.", folder], check=True)
        shutil.rmtree(beside)

    def fill(self) -> None:
        """From now on it takes not a byte more."""
        told = os.statvfs(self._folder)
        used = (told.f_blocks - told.f_bfree) * told.f_frsize
        _mount("tmpfs", self._folder, _REMOUNT, "tmpfs", f"size={used}")

    def empty(self) -> None:
        """There is room again."""
        _mount("tmpfs", self._folder, _REMOUNT, "tmpfs", f"size={self._SIZE}")


def _become_own_user() -> None:
    """A user namespace in which everybody is who they were. Raises CannotBeApart."""
    user, group = os.geteuid(), os.getegid()
    reading, writing = os.pipe()
    us, helper = os.getpid(), 0
    if user == 0:
        # All of them, since PostgreSQL becomes somebody else: only a process outside may write that.
        helper = os.fork()
        if helper == 0:
            os.read(reading, 1)
            os._exit(_wrote(us, f"0 0 {_EVERY_ID}", f"0 0 {_EVERY_ID}"))
    done = _libc.unshare(_NEW_USERS)
    problem = ctypes.get_errno()
    os.write(writing, b".")
    mapped = os.waitpid(helper, 0)[1] == 0 if helper else False
    os.close(reading)
    os.close(writing)
    if done == 0 and user != 0:
        Path("/proc/self/setgroups").write_text("deny")
        mapped = _wrote(us, f"{user} {user} 1", f"{group} {group} 1") == 0
    if not mapped:
        raise CannotBeApart(problem, "no user namespace")


def _wrote(process: int, users: str, groups: str) -> int:
    try:
        Path(f"/proc/{process}/uid_map").write_text(users)
        Path(f"/proc/{process}/gid_map").write_text(groups)
    except OSError:
        return 1
    return 0


def _replace(path: str, content: str) -> None:
    real = Path(path).resolve()
    if not real.exists():
        # Without these files the C library asks 127.0.0.1, too.
        return
    with tempfile.NamedTemporaryFile("w") as ours:
        ours.write(content)
        ours.flush()
        Path(ours.name).chmod(0o644)
        _mount(ours.name, str(real), _BIND)


def _mount(source: str | None, target: str, flags: int, kind: str | None = None, options: str | None = None) -> None:
    from_, to, of, with_ = (None if each is None else each.encode() for each in (source, target, kind, options))
    if _libc.mount(from_, to, of, ctypes.c_ulong(flags), with_) != 0:
        raise CannotBeApart(ctypes.get_errno(), f"{target} cannot be replaced")
