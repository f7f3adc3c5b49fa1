"""Seconds from starting the process to the first page, for Pet Lens and for an empty Gradio app, in turns."""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

from benchmarks import report

EMPTY_APP = """
import gradio as gr
with gr.Blocks() as app:
    gr.Markdown("empty")
app.launch(quiet=True)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    ours, empty = [], []
    _seconds_to_first_page(["app.py"])  # the first start reads everything from the disk
    for _ in range(options.rounds):
        ours.append(_seconds_to_first_page(["app.py"]))
        empty.append(_seconds_to_first_page(["-c", EMPTY_APP]))
    report.write(
        "startup",
        {
            "rounds": options.rounds,
            "Pet Lens, seconds": report.median(ours),
            "empty Gradio app, seconds": report.median(empty),
            "Pet Lens / empty": report.median_ratio(ours, empty),
        },
    )


def _seconds_to_first_page(arguments: list[str]) -> float:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"GRADIO_SERVER_PORT": str(port), "GRADIO_ANALYTICS_ENABLED": "False"}
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=report.PROJECT, env=environment, stdout=subprocess.DEVNULL
    )
    try:
        while time.perf_counter() - start < 120:
            with contextlib.suppress(urllib.error.URLError, ConnectionError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/").read()
                return time.perf_counter() - start
            time.sleep(0.02)
        raise SystemExit("the app did not start within two minutes")
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
