"""After an attack: the file, the full-size photo, survival, the dial, the defences."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from skimage.metrics import structural_similarity

from core.attack.attack import attack
from core.attack.defence import defend
from core.attack.dial import DISTANCES, dial
from core.attack.files import change_of, onto_full_size, shrunk_and_cut, to_png, with_change
from core.attack.goals import Become, Misclassify
from core.attack.measures import measure
from core.attack.settings import AttackSettings, usual
from core.attack.survival import CHANGES, survive
from core.attack.victims import Victim
from core.errors import ImageError, SettingsError
from core.streams import last

SIAMESE = 284


def test_a_large_picture_is_measured_strip_by_strip_as_at_once():
    generator = np.random.default_rng(0)
    before = generator.integers(0, 256, (600, 70, 3), dtype=np.uint8)
    after = before.copy()
    after[100:420] = (after[100:420].astype(int) + generator.integers(-9, 10, (320, 70, 3))).clip(0, 255)
    said = measure(Image.fromarray(before), Image.fromarray(after))
    difference = (after.astype(float) - before) / 255
    assert said.l2 == pytest.approx(np.sqrt((difference**2).sum()))
    assert said.linf == pytest.approx(np.abs(difference).max())
    assert said.touched == pytest.approx((difference != 0).any(axis=2).mean())
    assert said.psnr == pytest.approx(-10 * np.log10((difference**2).mean()))
    kind = {"channel_axis": 2, "data_range": 1.0, "gaussian_weights": True, "sigma": 1.5, "win_size": 11}
    whole = structural_similarity(before / 255, after / 255, use_sample_covariance=False, **kind)
    assert said.ssim == pytest.approx(whole, abs=1e-12)


@pytest.fixture(scope="module")
def attacked(shipped, cat):
    settings = AttackSettings(method="pgd", norm="linf", epsilon=4 / 255, steps=15)
    return last(attack(shipped, [cat], [Become(SIAMESE)], settings)).attacked[0]


def test_the_file_says_what_was_done_and_is_the_picture(shipped, attacked, tmp_path):
    path = tmp_path / "cat.png"
    path.write_bytes(to_png(attacked, shipped, usual("pgd")))
    with Image.open(path) as file:
        said = json.loads(file.info["Pet Lens attack"])
        assert file.convert("RGB").tobytes() == attacked.picture.tobytes()
    assert said["networks"] == [shipped.first.backbone.name]
    assert said["target"] == "Siamese cat"
    assert said["settings"]["method"] == "pgd"


def test_a_change_alone_makes_the_same_picture_again(shipped, cat, attacked):
    again = with_change(shipped, cat, change_of(attacked), attacked.goal)
    assert again.picture.tobytes() == attacked.picture.tobytes()
    assert again.measures == attacked.measures
    assert again.success
    with pytest.raises(SettingsError, match="3 x 3 pixels"):
        with_change(shipped, cat, Image.new("RGB", (3, 3)), attacked.goal)


@pytest.mark.parametrize("size", [(900, 700), (383, 256), (300, 451), (224, 224), (1001, 640)])
def test_the_box_is_what_the_network_looks_at(shipped, size):
    photo = Image.fromarray(np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))
    shrunk, box = shrunk_and_cut(shipped, photo.size)
    cut = photo.resize(shrunk, Image.Resampling.BICUBIC).crop(box)
    assert np.abs(np.asarray(cut, int) - np.asarray(shipped.view(photo), int)).max() <= 1


@pytest.mark.parametrize(
    ("size", "how"),
    [((451, 300), "smallest"), ((451, 300), "strong"), ((383, 256), "strong"), ((1353, 900), "strong")],
)
def test_on_the_full_size_photo_it_still_works(shipped, cat, attacked, size, how):
    photo = cat.resize(size, Image.Resampling.BICUBIC)
    smallest = AttackSettings(steps=30)
    settings = smallest if how == "smallest" else AttackSettings(method="pgd", norm="linf", steps=10)
    (one,) = last(attack(shipped, [photo], [Become(SIAMESE)], settings)).attacked
    *weaker, full = onto_full_size(shipped, photo, one)
    assert not any(tried.success for tried in weaker)
    assert full.picture.size == size
    assert full.success
    assert shipped.predict([full.picture])[0].top(1)[0].index == SIAMESE
    assert 1 <= full.factor <= 4
    assert full.scale == pytest.approx(256 / min(size), abs=0.01)
    assert full.measures.l2 > 0.9 * one.measures.l2
    changed = np.any(np.asarray(full.picture) != np.asarray(photo), axis=2)
    assert changed.any()
    assert not changed[:, : size[0] // 20].any(), "the edges are not looked at"


def test_survival_tries_everything_and_tells_the_truth(shipped, attacked, made_weights):
    trials = list(survive(shipped, attacked))
    assert [trial.name for trial in trials if not trial.network] == list(CHANGES)
    first, *_ = trials
    assert first.verdict == "fooled"
    own = attacked.before.top(1)[0].index
    for trial in trials:
        if not trial.network:
            read = trial.prediction.top(1)[0].index
            assert trial.verdict == ("fooled" if read == SIAMESE else "mended" if read == own else "other")
    assert [trial.name for trial in trials if trial.network], "the made networks are asked as well"


def test_the_dial_stays_within_each_distance_and_farther_is_stronger(shipped, cat):
    curve = last(dial(shipped, cat, Become(SIAMESE), "l2", distances=(0.1, 0.5, 2.0), steps=12))
    assert [point.distance for point in curve.points] == [0.1, 0.5, 2.0]
    for point, picture in zip(curve.points, curve.pictures, strict=True):
        assert point.measures.l2 <= point.distance * (1 + 1e-5)
        assert shipped.predict([picture])[0].probabilities[SIAMESE] == pytest.approx(point.probability, abs=1e-6)
    assert curve.points[0].probability < 0.2
    assert curve.points[-1].probability > 0.8
    assert curve.points[-1].success
    assert not curve.points[0].success


def test_the_dial_knows_what_the_smallest_change_can_do(shipped, cat):
    curve = last(dial(shipped, cat, Become(SIAMESE), "l2", distances=(0.1, 0.9, 1.0), steps=20))
    assert 0.1 < curve.smallest < 0.9
    assert [point.success for point in curve.points] == [False, True, True]
    # the smallest attack itself gets as far, but for rounding
    (alone,) = last(attack(shipped, [cat], [Become(SIAMESE)], AttackSettings(steps=20))).attacked
    assert curve.smallest == pytest.approx(alone.measures.l2, rel=0.2)


def test_a_dial_that_is_out_of_time_says_what_it_has(small, photo):
    (only,) = dial(small, photo, Become(7), "linf", steps=30, max_seconds=0.0)
    assert (only.step, only.total_steps, only.smallest) == (1, 60, None)
    assert all(np.array_equal(np.asarray(picture), np.asarray(small.view(photo))) for picture in only.pictures)


@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_the_dial_has_its_own_distances(small, photo, norm):
    curve = last(dial(small, photo, Misclassify(small.predict([photo])[0].top(1)[0].index), norm, steps=2))
    assert tuple(point.distance for point in curve.points) == DISTANCES[norm]


def test_the_dial_refuses_what_an_attack_refuses(small, photo):
    with pytest.raises(SettingsError, match="epsilon"):
        next(dial(small, photo, Become(7), "linf", distances=(0.0, 0.5)))
    with pytest.raises(SettingsError, match="steps"):
        next(dial(small, photo, Become(7), "linf", steps=0))
    with pytest.raises(ImageError, match="one colour"):
        next(dial(small, Image.new("RGB", (64, 64)), Become(7), "linf"))


def test_a_defence_is_judged_blind_and_aware(shipped, cat):
    smoothing = Victim(shipped.classifiers, smoothing_px=1.0)
    settings = AttackSettings(method="pgd", norm="linf", epsilon=2 / 255, steps=6)
    photos = [cat, cat.crop((60, 0, 420, 300))]
    snapshots = list(defend(shipped, [smoothing], photos, settings))
    assert [one.share for one in snapshots] == sorted(one.share for one in snapshots)
    assert snapshots[-1].share == 1
    plain, blurred = snapshots[-1].rows
    assert plain.blind == plain.aware == 1
    assert plain.photos == blurred.photos == 2
    assert blurred.title.endswith("blurred")
    assert blurred.aware >= blurred.blind
    assert blurred.l2 is None or blurred.l2 > 0


def test_there_is_nothing_to_defend_without_photos(shipped):
    with pytest.raises(SettingsError, match="no photo"):
        next(defend(shipped, [], [], usual("pgd")))


def test_the_defences_share_the_time(small, photo):
    final = last(defend(small, [small], [photo], AttackSettings(steps=20), max_seconds=0.0))
    assert len(final.rows) == 2
    assert all(row.aware == 0 for row in final.rows)
