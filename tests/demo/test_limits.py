import pytest

from core import SettingsError
from demo.context import Limits


def test_a_host_sets_limits_by_environment(monkeypatch):
    monkeypatch.setenv("PETLENS_MAX_PHOTOS", "7")
    assert Limits.from_environment() == Limits(max_photos=7)


@pytest.mark.parametrize("text", ["0", "-1", "many", "", "1e3", "²"])
def test_a_senseless_limit_is_refused(monkeypatch, text):
    monkeypatch.setenv("PETLENS_MAX_UPLOAD_MB", text)
    with pytest.raises(SettingsError, match="PETLENS_MAX_UPLOAD_MB"):
        Limits.from_environment()
