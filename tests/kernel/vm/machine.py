"""One virtual machine: boots a kernel over the host's files, runs a command in it, gives what it printed.

qemu translates every instruction, which takes ten to twenty times as long as the processor itself; where nested
virtualisation works, FALCON_KERNELS_ACCELERATOR=kvm makes that good.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from tests.kernel.vm import initramfs, packages

_ACCELERATOR = os.environ.get("FALCON_KERNELS_ACCELERATOR") or "tcg"
_MEMORY = "3G"
_CPUS = 2
# max: Python's wheels want what last decade's processors can. Five levels of page tables would only be slow.
_CPU = "max,la57=off"
_KERNEL = "console=ttyS0 panic=-1 quiet nokaslr mitigations=off nowatchdog"


class MachineError(Exception):
    """The machine did not do what it was started for; its console's last lines."""


def run(kernel: packages.Kernel, command: str, seconds: float) -> str:
    """What the command printed. Raises MachineError when the machine is not off after so many seconds."""
    with tempfile.TemporaryDirectory(prefix="falcon-vm-") as directory:
        console, output, archive = (Path(directory) / name for name in ("console", "output", "initramfs"))
        archive.write_bytes(initramfs.build(kernel, command))
        try:
            subprocess.run(_qemu(kernel, archive, console, output), check=True, timeout=seconds)
        except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
            raise MachineError(f"{error}\n{_tail(console)}\n{_tail(output)}") from None
        return _tail(output, None) or f"{_tail(console)}\n"


def _qemu(kernel: packages.Kernel, archive: Path, console: Path, output: Path) -> list[str]:
    return [
        *("qemu-system-x86_64", "-machine", f"q35,accel={_ACCELERATOR}", "-cpu", _CPU),
        *("-m", _MEMORY, "-smp", str(_CPUS), "-nodefaults", "-display", "none", "-no-reboot"),
        *("-kernel", str(kernel.image), "-initrd", str(archive), "-append", _KERNEL),
        *("-serial", f"file:{console}", "-serial", f"file:{output}"),
        *("-fsdev", "local,id=host,path=/,security_model=none,readonly=on,multidevs=remap"),
        *("-device", "virtio-9p-pci,fsdev=host,mount_tag=host"),
    ]


def _tail(path: Path, lines: int | None = 30) -> str:
    text = path.read_text(errors="replace").splitlines() if path.exists() else []
    return "\n".join(text if lines is None else text[-lines:])
