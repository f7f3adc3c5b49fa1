"""The app in a process of its own, started as anybody starts it."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
START_SECONDS = 180  # on a machine that does many other things
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


class App:
    """A program that serves a page, with what its process uses. What that is, only Linux tells.

    Args:
        command: what Python runs, in the project's folder.
        home: a folder for what the program keeps and says.
        environment: further variables.
    """

    def __init__(self, command: Sequence[str], home: Path, **environment: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        told = {
            "GRADIO_SERVER_PORT": str(port),
            "GRADIO_TEMP_DIR": str(home / "gradio"),
            "PETLENS_HOME": str(home / "pet-lens"),
            "GRADIO_ANALYTICS_ENABLED": "False",
            "PETLENS_FETCH": "0",
            **environment,
        }
        self.home = home
        self._log = home / "log"
        home.mkdir(parents=True, exist_ok=True)
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *command],
                cwd=PROJECT,
                env={**os.environ, **told},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        straight = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        ends = time.monotonic() + START_SECONDS
        while time.monotonic() < ends and self.process.poll() is None:
            with contextlib.suppress(OSError):
                straight.open(self.address, timeout=2)
                return
            time.sleep(0.25)
        self.stop()
        raise RuntimeError(f"The app did not start. It said: {self.said[-2000:]}")

    def stop(self) -> None:
        """End the program."""
        self.process.terminate()
        self.process.wait(timeout=30)

    @property
    def said(self) -> str:
        """What the program printed so far."""
        return self._log.read_text(errors="replace")

    @property
    def memory_gb(self) -> float:
        """Resident memory of the process, in units of 10^9 bytes."""
        return self._memory_gb("VmRSS")

    @property
    def peak_memory_gb(self) -> float:
        """The most that it ever was."""
        return self._memory_gb("VmHWM")

    def _memory_gb(self, name: str) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{name}:\s+(\d+) kB", status)[1]) * 1024 / 1e9

    @property
    def threads(self) -> int:
        """Threads of the process."""
        return len(os.listdir(f"/proc/{self.process.pid}/task"))

    @property
    def open_files(self) -> int:
        """Open files of the process, connections among them."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    @property
    def processor_seconds(self) -> float:
        """Processor time that the process has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / CLOCK_TICKS
