import httpx
import pytest

from benchmarks.running_app import App
from core import SettingsError
from demo.context import Limits
from demo.page import build_page, launch_options


def test_a_host_sets_limits_by_environment(monkeypatch):
    monkeypatch.setenv("PETLENS_MAX_PHOTOS", "7")
    assert Limits.from_environment() == Limits(max_photos=7)


@pytest.mark.parametrize("text", ["0", "-1", "many", "", "1e3", "²"])
def test_a_senseless_limit_is_refused(monkeypatch, text):
    monkeypatch.setenv("PETLENS_MAX_UPLOAD_MB", text)
    with pytest.raises(SettingsError, match="PETLENS_MAX_UPLOAD_MB"):
        Limits.from_environment()


def test_a_wrong_limit_of_core_is_told_at_the_start(monkeypatch):
    monkeypatch.setenv("PETLENS_MAX_MEGAPIXELS", "all")
    with pytest.raises(SettingsError, match="PETLENS_MAX_MEGAPIXELS is 'all'"):
        Limits.from_environment()


def test_steps_are_checked():
    Limits().check_steps(10_000)
    Limits(max_steps=5).check_steps(5)
    with pytest.raises(SettingsError, match="These are 6 steps; the host of this page allows 5 at a time"):
        Limits(max_steps=5).check_steps(6)


def test_uploads_are_kept_as_long_as_the_host_says(monkeypatch):
    monkeypatch.setenv("PETLENS_KEEP_HOURS", "2")
    assert build_page().delete_cache == (3600, 7200)


def test_a_page_may_ask_for_a_password(monkeypatch):
    assert launch_options()["auth"] is None
    monkeypatch.setenv("PETLENS_AUTH", " class :paw:under:lens")
    assert launch_options()["auth"] == ("class", "paw:under:lens")


@pytest.mark.parametrize("text", ["", "class", "class:", " :paw-under-lens", ":paw-under-lens", "class:short"])
def test_a_password_that_is_none_is_refused_and_not_repeated(monkeypatch, text):
    monkeypatch.setenv("PETLENS_AUTH", text)
    with pytest.raises(SettingsError, match="PETLENS_AUTH") as caught:
        launch_options()
    assert "short" not in str(caught.value).replace("such as class:paw-under-lens", "")


def test_who_does_not_know_the_password_gets_no_further(tmp_path):
    app = App(["app.py"], tmp_path, PETLENS_AUTH="class:paw-under-lens")
    try:
        with httpx.Client(base_url=app.address, trust_env=False) as visitor:
            assert visitor.get("/config").status_code == 401
            assert visitor.post("/gradio_api/run/predict", json={"data": [], "fn_index": 6}).status_code == 401
            assert visitor.post("/gradio_api/upload", files={"files": b"x"}).status_code == 401
            assert visitor.post("/login", data={"username": "class", "password": "paw"}).status_code == 400
            assert visitor.post("/login", data={"username": "class", "password": "paw-under-lens"}).status_code == 200
    finally:
        app.stop()
