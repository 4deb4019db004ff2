"""System calls that no notebook needs: a seccomp filter that refuses them, as bubblewrap wants it (`--seccomp FD`).

Refused are calls that reach past a process's own namespaces or that have a history of holes in the kernel: tracing,
mounting, new namespaces, keys, bpf, io_uring, modules, clocks, memory that no limit counts. They fail with EPERM, so
that libraries which try one go on without. Everything else is allowed: this is the second wall, not the first.
"""

import errno
import platform
import struct

ALLOW, ERRNO, KILL = 0x7FFF0000, 0x00050000, 0x80000000
LOAD, AND, EQUAL, AT_LEAST, RETURN = 0x20, 0x54, 0x15, 0x35, 0x06  # BPF: ld abs, and, jeq, jge, ret
NR, ARCH, FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data, little-endian
NAMESPACES = 0x7E020080  # CLONE_NEW{TIME,NS,CGROUP,UTS,IPC,USER,PID,NET}
FAMILIES = (
    1,
    2,
    10,
    16,
)  # AF_UNIX, AF_INET, AF_INET6, AF_NETLINK; others (vsock, alg, packet) are not namespaced or not needed

# name: (number on x86_64, on aarch64); None where the call does not exist.
REFUSED: dict[str, tuple[int | None, int]] = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "adjtimex": (159, 171),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioperm": (173, None),
    "iopl": (172, None),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "migrate_pages": (256, 238),
    "modify_ldt": (154, None),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "move_pages": (279, 239),
    "mq_open": (240, 180),
    "msgget": (68, 186),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "personality": (135, 92),
    "pidfd_getfd": (438, 438),
    "pivot_root": (155, 41),
    "process_madvise": (440, 440),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "semget": (64, 190),
    "setns": (308, 268),
    "settimeofday": (164, 170),
    "shmget": (29, 194),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "uselib": (134, None),
    "vhangup": (153, 58),
}
CLONE, CLONE3, SOCKET = (56, 220), 435, (41, 198)
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}


def program(machine: str | None = None) -> bytes:
    """The filter's bytes for `x86_64` or `aarch64` (default: this machine). Raises `RuntimeError` for another."""
    machine = machine or platform.machine()
    if machine not in MACHINES:
        raise RuntimeError(f"no system call filter for {machine!r}; there are {', '.join(MACHINES)}")
    column, architecture = MACHINES[machine]
    refuse = _step(RETURN, ERRNO | errno.EPERM)
    code = [_step(LOAD, ARCH), _step(EQUAL, architecture, 1, 0), _step(RETURN, KILL), _step(LOAD, NR)]
    if machine == "x86_64":
        code += [_step(AT_LEAST, 0x40000000, 0, 1), _step(RETURN, KILL)]  # the x32 calls have numbers of their own
    for numbers in REFUSED.values():
        if numbers[column] is not None:
            code += [_step(EQUAL, numbers[column], 0, 1), refuse]
    # The flags of clone3 cannot be seen here: without it the C library falls back to clone.
    code += [_step(EQUAL, CLONE3, 0, 1), _step(RETURN, ERRNO | errno.ENOSYS)]
    code += [_step(EQUAL, CLONE[column], 0, 4), _step(LOAD, FIRST_ARGUMENT), _step(AND, NAMESPACES)]
    code += [_step(EQUAL, 0, 1, 0), refuse, _step(LOAD, NR)]
    code += [_step(EQUAL, SOCKET[column], 0, 2 + len(FAMILIES)), _step(LOAD, FIRST_ARGUMENT)]
    code += [_step(EQUAL, family, len(FAMILIES) - index, 0) for index, family in enumerate(FAMILIES)]
    code += [_step(RETURN, ERRNO | errno.EAFNOSUPPORT), _step(RETURN, ALLOW)]
    return b"".join(code)


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """One `struct sock_filter`; jumps count the steps left out."""
    return struct.pack("<HBBI", code, if_true, if_false, value)
