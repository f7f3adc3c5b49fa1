"""Programs that talk to the running app."""

from __future__ import annotations

import pytest
from gradio_client import Client


@pytest.fixture
def client(app_address):
    client = Client(app_address, verbose=False)
    yield client
    client.close()
