"""
Brings to the disk at once what processes of this machine have written and not flushed: `syncfs(2)`, which Linux has.

To flush file by file would cost more: each `fsync` makes a journal commit of its own, for which uploads wait.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Final

# Linux gives each start of the kernel an id of its own, the same in all containers (random(4)).
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")

# File systems whose `syncfs` is known to end once all is on the disk, or with the file server. FUSE and SMB leave out
# what their servers have not written yet. In a tmpfs nothing outlives the machine.
_SYNCED_AS_A_WHOLE: Final = frozenset(
    {"ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "overlay", "tmpfs", "nfs", "nfs4"}
)


def boot_id(folder: Path) -> str | None:
    """
    Return the id of this start of the machine, if `write_back` works for *folder*; otherwise None.

    What was written into *folder* is lost only when the machine starts again, and then the id is another.
    """
    # A folder that is still to be made will lie where its parent lies.
    existing = next(path for path in (folder, *folder.parents) if path.is_dir())
    if _file_system(existing) not in _SYNCED_AS_A_WHOLE or not hasattr(ctypes.CDLL(None), "syncfs"):
        return None
    try:
        return _BOOT_ID.read_text().strip() or None
    except OSError:
        return None


def write_back(folder: Path) -> None:
    """
    Flush everything that was written to the file system of *folder* before.

    Raises:
        OSError: The disk has refused something, now or since the last call; nobody says what (syncfs(2)).
    """
    # Not kept open: a disk with an open file cannot be unmounted.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor) != 0:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error))
    finally:
        os.close(descriptor)


def _file_system(folder: Path) -> str | None:
    """Return the type of the file system that *folder* lies on (proc_pid_mountinfo(5)); None if nothing tells."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        # By the id of the mount: device numbers do not tell the subvolumes of btrfs.
        lines = Path(f"/proc/self/fdinfo/{descriptor}").read_text().splitlines()
        mounts = Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines()
    except OSError:
        return None
    finally:
        os.close(descriptor)
    mount_id = next((line.split()[1] for line in lines if line.startswith("mnt_id:")), None)
    mount = next((line for line in mounts if line.split(maxsplit=1)[0] == mount_id), "")
    return next(iter(mount.partition(" - ")[2].split()), None)
