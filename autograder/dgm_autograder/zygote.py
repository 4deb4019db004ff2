"""The warm process that kernels are forked from. It is sent into a room of its own, so it imports nothing of ours.

It has imported what notebooks import and waits at a socket. Each request makes one more room below its own: new
namespaces, small fresh places to write in, limits, no privilege, and the filter of system calls last of all. Whoever
asked gets a descriptor of the room's first process: killing that one ends everything in the room. Nothing here knows
an answer, and whatever was asked before is in nobody's room.
"""

import base64
import contextlib
import ctypes
import gc
import importlib
import json
import os
import random  # noqa: F401 - seeded anew in every kernel
import resource
import shutil
import signal
import socket
import sys

NAMESPACES = 0x02000000 | 0x04000000 | 0x08000000 | 0x20000000 | 0x40000000 | 0x00020000  # cgroup uts ipc pid net mount
NEW_USER = 0x10000000
READ_ONLY, REMOUNT, BIND, ALL_BELOW, PRIVATE = 1, 32, 4096, 16384, 1 << 18  # of mount
SAFE = 2 | 4  # no programs of other users, no devices
NO_PROGRAMS = 8
DUMPABLE, SECCOMP, DROP_BOUND, NO_NEW_PRIVILEGES = 4, 22, 24, 38  # of prctl
CAPABILITIES = 0x20080522  # version 3 of capset's structures
libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments) -> None:
    """A function of the C library. Raises `OSError` where it fails."""
    if getattr(libc, name)(*arguments) == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def serve(control: socket.socket) -> None:
    """Fork a kernel for each request until nobody can ask any more."""
    while True:
        request, descriptors, _, _ = socket.recv_fds(control, 1 << 16, 64)
        if not request:
            return
        child = os.fork()
        if child == 0:
            control.close()
            with socket.socket(fileno=descriptors.pop(0)) as reply:
                try:
                    start(json.loads(request), descriptors, reply)
                except BaseException as error:
                    with contextlib.suppress(OSError):
                        reply.send(f"{type(error).__name__}: {error}".encode())
            os._exit(1)
        for descriptor in descriptors:
            os.close(descriptor)
        os.waitpid(child, 0)


def start(asked: dict, descriptors: list[int], reply: socket.socket) -> None:
    """Become a room's first process, and the parent of its kernel. Does not return."""
    if asked["uid"] is None:
        user = os.getuid()
        call("unshare", NAMESPACES | NEW_USER)
        be(0, user)  # for terminals, which only a root can mount
    else:
        call("unshare", NAMESPACES)
    if os.fork():
        os._exit(0)  # a namespace's first process is a child of the one that made it
    os.setsid()
    socket.sethostname("room")
    furnish(asked)
    for name, descriptor in zip(asked["files"], descriptors, strict=True):
        copy(descriptor, os.path.join(asked["home"], name))
    itself = os.pidfd_open(os.getpid())
    drop(asked)
    filter_calls(base64.b64decode(asked["filter"]))
    socket.send_fds(reply, [b"ready"], [itself])
    os.close(itself)
    reply.close()
    kernel = os.fork()
    if kernel == 0:
        launch(asked)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # with no handler, no signal from inside the room reaches this process
    while os.wait()[0] != kernel:
        pass
    os._exit(0)


def be(inside: int, outside: int) -> None:
    """Have a user namespace just made show `outside` as `inside`, the only user that there is."""
    for name, line in (
        ("setgroups", "deny"),
        ("uid_map", f"{inside} {outside} 1"),
        ("gid_map", f"{inside} {outside} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(line)


def mount(source: str, target: str, flags: int, kind: str | None = None, options: str | None = None) -> None:
    """mount(2)."""
    words = (source, target, kind, options)
    source_, target_, kind_, options_ = (word.encode() if word is not None else None for word in words)
    call("mount", source_, target_, kind_, ctypes.c_ulong(flags), options_)


def furnish(asked: dict) -> None:
    """Fresh places to write in, the room's own sockets, processes and terminals; nothing of other rooms."""
    os.umask(0o022)
    mount("none", "/", PRIVATE | ALL_BELOW)
    paths = [*asked["again"], asked["room"]]  # they may lie where a fresh place comes
    held = [os.open(path, os.O_PATH) for path in paths]
    for place in asked["places"]:
        mount("tmpfs", place, SAFE, "tmpfs", f"mode=1777,size={asked['disk']}")
    os.makedirs(asked["base"], exist_ok=True)
    mount("tmpfs", asked["base"], SAFE, "tmpfs", "mode=755,size=64k")  # the other rooms' sockets lie there
    for path, descriptor in zip(paths, held, strict=True):
        os.makedirs(path, exist_ok=True)
        mount(f"/proc/self/fd/{descriptor}", path, BIND | ALL_BELOW)
        os.close(descriptor)
    mount("none", asked["base"], REMOUNT | BIND | READ_ONLY | SAFE)
    mount("devpts", "/dev/pts", 2 | NO_PROGRAMS, "devpts", "newinstance,ptmxmode=0666,mode=620")
    mount("proc", "/proc", SAFE | NO_PROGRAMS, "proc")
    for path in filter(os.path.exists, ("/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus")):
        mount(path, path, BIND | ALL_BELOW)
        mount("none", path, REMOUNT | BIND | READ_ONLY | SAFE | NO_PROGRAMS)
    os.chdir(asked["home"])


def copy(source: int, target: str) -> None:
    """Write what `source` holds into a file that whoever is in the room may change."""
    with open(source, "rb") as given, open(target, "wb") as file:
        shutil.copyfileobj(given, file)
        os.fchmod(file.fileno(), 0o666)


def drop(asked: dict) -> None:
    """Limits, and no privilege, now or by any program; as root another user, else one in a namespace of its own."""
    for name, value in asked["limits"].items():
        resource.setrlimit(getattr(resource, name), (value, value))
    if asked["uid"] is None:
        call("unshare", NEW_USER)
        be(asked["user"], 0)
    with contextlib.suppress(OSError):  # until there is no such capability
        for capability in range(64):
            call("prctl", DROP_BOUND, capability, 0, 0, 0)
    if asked["uid"] is not None:
        os.setgroups([])
        os.setresgid(*[asked["uid"]] * 3)
        os.setresuid(*[asked["uid"]] * 3)
    call("capset", (ctypes.c_uint32 * 2)(CAPABILITIES, 0), (ctypes.c_uint32 * 6)())
    call("prctl", NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    call("prctl", DUMPABLE, 0, 0, 0, 0)  # what is in the room cannot look into its first process


def filter_calls(program: bytes) -> None:
    """Load a filter of system calls, for this process and its children."""
    steps = ctypes.create_string_buffer(program, len(program))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_void_p))

    about = Program(len(program) // 8, ctypes.addressof(steps))
    call("prctl", SECCOMP, 2, ctypes.byref(about), 0, 0)


def launch(asked: dict) -> None:
    """Be an IPython kernel, or the program asked for. Does not return."""
    try:
        call("prctl", DUMPABLE, 1, 0, 0, 0)
        if asked["inner"]:
            os.execv(asked["inner"][0], asked["inner"])
        for name in ("random", "numpy.random", "torch"):
            if name in sys.modules:
                sys.modules[name].seed()
        sys.argv = ["ipykernel_launcher", "-f", asked["connection"]]
        importlib.import_module("ipykernel.kernelapp").launch_new_instance()
    finally:
        os._exit(1)


def preload(modules: list[str]) -> None:
    """Import these. A module that is not there, or broken, is missed by those who ask for it."""
    environment = dict(os.environ)
    sys.modules["debugpy"] = None  # ipykernel would load it into every kernel, for more time than all the rest
    for name in modules:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    del sys.modules["debugpy"]
    os.environ.clear()
    os.environ.update(environment)  # without what torch notes there of its own folders
    if len(os.listdir("/proc/self/task")) > 1:
        raise RuntimeError("a module started a thread: what is forked now may hang")
    gc.collect()
    gc.freeze()  # collections in a kernel leave the shared pages alone


if __name__ == "__main__":
    del sys.path[0]
    preload(sys.argv[3:])
    serve(socket.socket(fileno=int(sys.argv[1])))
