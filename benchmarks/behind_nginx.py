"""The app behind nginx as `docs/hosting.md` sets it up: an upload, a training that is watched live, the page in a browser.

Needs nginx, openssl and Chromium. nginx runs with the very server block of the document, in which only the port, the two
files of the certificate and the app's address are replaced.
"""

from __future__ import annotations

import argparse
import asyncio
import grp
import os
import pwd
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import report
from benchmarks.pupils import sure_photos, trains_head
from benchmarks.running_app import PROJECT, App
from benchmarks.visitor import Visitor

DOCUMENT = PROJECT / "docs" / "hosting.md"
UPLOAD_MB = 150


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    for program in ("nginx", "openssl"):
        if shutil.which(program) is None:
            raise SystemExit(f"{program} is not installed.")
    with tempfile.TemporaryDirectory(prefix="behind-nginx-") as folder:
        app = App(["app.py"], Path(folder, "app"), PETLENS_DATA=str(report.PHOTOS))
        try:
            with _nginx(Path(folder), app.address) as address:
                report.write("behind_nginx", asyncio.run(_tried(address)))
        finally:
            app.stop()


@contextmanager
def _nginx(folder: Path, app: str) -> Iterator[str]:
    """nginx in front of the app; gives its address."""
    certificate, key = folder / "lens.pem", folder / "lens.key"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (server,) = re.findall(r"```nginx\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), flags=re.DOTALL)
    for old, new in (
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("lens.school.example", "localhost"),
        ("/etc/ssl/lens.pem", str(certificate)),
        ("/etc/ssl/lens.key", str(key)),
        ("http://127.0.0.1:7860", app),
    ):
        if old not in server:
            raise SystemExit(f"{old} is not in {DOCUMENT.name} any more.")
        server = server.replace(old, new)
    settings = folder / "nginx.conf"
    # all that it writes, into this folder
    places = "".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    settings.write_text(
        f"{_user()}daemon off; pid {folder}/pid; error_log {folder}/errors; events {{}}\n"
        f"http {{ access_log off; {places}\n{server}}}\n"
    )
    process = subprocess.Popen(["nginx", "-c", str(settings), "-e", f"{folder}/errors"])
    try:
        for _ in range(100):
            with socket.socket() as asked:
                if asked.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"https://localhost:{port}"
    finally:
        process.terminate()
        process.wait(10)


def _user() -> str:
    """Who started this may write to the folder; an administrator's nginx would be somebody else."""
    if os.geteuid() != 0:
        return ""
    return f"user {pwd.getpwuid(0).pw_name} {grp.getgrgid(0).gr_name}; "


async def _tried(address: str) -> dict:
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    async with Visitor(address, verify=trusting) as visitor:
        large = await visitor.upload(Path("large.zip"), content=bytes(UPLOAD_MB * 1_000_000))
        arrived: list[float] = []
        began = time.perf_counter()
        shown = await trains_head(visitor, "behind nginx", epochs=300, told=lambda: arrived.append(time.perf_counter()))
    in_browser = await _in_browser(address)
    return {
        "uploaded, MB": UPLOAD_MB if large["path"] else 0,
        "trained to its end": "behind nginx" in shown["training"] and 'role="alert"' not in shown["training"],
        "updates of the training": len(arrived),
        "first and last after seconds": [round(arrived[0] - began, 2), round(arrived[-1] - began, 2)],
        **in_browser,
    }


async def _in_browser(address: str) -> dict:
    from playwright.async_api import async_playwright

    from tests.browser.conftest import CLASSIFY, DESKTOP, FLAGS, find_browser

    photo, failed = sure_photos(1)[0], []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
        page = await browser.new_page(viewport=DESKTOP, locale="en", ignore_https_errors=True)
        page.on("requestfailed", lambda request: failed.append(f"{request.url}: {request.failure}"))
        page.on("response", lambda one: failed.append(f"{one.url}: {one.status}") if one.status >= 400 else None)
        await page.goto(address + CLASSIFY)
        await page.locator("#photo input[type=file]").first.set_input_files(photo.path)
        await page.locator("#result .pl-name", has_text=photo.first).first.wait_for(timeout=60_000)
        found = {
            "the browser may use the camera": await page.evaluate("isSecureContext && !!navigator.mediaDevices"),
            "addresses on the page that are not https": await page.evaluate(
                '[...document.querySelectorAll(\'[src^="http:"], [href^="http:"]\')].map(one => one.outerHTML.slice(0, 99))'
            ),
            # a stream that the page ends by itself is no failure
            "requests that failed": [one for one in failed if "ERR_ABORTED" not in one],
        }
        await browser.close()
    return found


if __name__ == "__main__":
    main()
