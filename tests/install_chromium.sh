#!/bin/sh
# A Chromium for the browser tests: one that is there, else Debian's as root, else Playwright's own.
set -e
for name in chromium chromium-browser google-chrome google-chrome-stable; do
    # not only that it is there: Ubuntu's chromium-browser may be a hint to install something else
    if "$name" --version >/dev/null 2>&1; then exit 0; fi
done
if python -c 'import sys
from pathlib import Path
from playwright.sync_api import sync_playwright
with sync_playwright() as p: sys.exit(not Path(p.chromium.executable_path).exists())'; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium && exit 0
fi
if [ "$(id -u)" = 0 ]; then python -m playwright install --with-deps chromium; else python -m playwright install chromium; fi
