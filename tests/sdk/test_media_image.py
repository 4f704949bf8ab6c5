"""Images: from whatever they are made, pixel for pixel, alone and in lists."""

from __future__ import annotations

import io
import pickle
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

import runstore
from tests.sdk.medialogs import content, logged
from tests.sdk.reading import program, succeeded

RGB = np.random.default_rng(1).integers(0, 256, (12, 17, 3), dtype=np.uint8)


def pixels(image: runstore.Image) -> Any:
    """Return what is shown, as an array."""
    assert image.image is not None
    return np.asarray(image.image)


def png(array: Any) -> bytes:
    """Return an array as Pillow writes it, which is what W&B's library makes of it."""
    file = io.BytesIO()
    Pillow.fromarray(array).save(file, format="PNG")
    return file.getvalue()


def test_an_array_becomes_a_png_of_just_these_pixels(folder: Path) -> None:
    said = logged(folder, image=runstore.Image(RGB, caption="noise", grouping=2))["image"]
    assert content(folder, said) == png(RGB)
    assert {key: said[key] for key in ("_type", "format", "width", "height", "caption", "grouping")} == {
        "_type": "image-file",
        "format": "png",
        "width": 17,
        "height": 12,
        "caption": "noise",
        "grouping": 2,
    }
    assert said["path"].startswith("media/images/image_0_")


@pytest.mark.parametrize(
    ("array", "mode", "shown"),
    [
        (RGB[:, :, 0], "L", RGB[:, :, 0]),
        (RGB[:, :, :1], "L", RGB[:, :, 0]),
        (RGB[None, :, :, 0], "L", RGB[:, :, 0]),
        (RGB[None], "RGB", RGB),
        (np.concatenate([RGB, RGB[:, :, :1]], axis=2), "RGBA", np.concatenate([RGB, RGB[:, :, :1]], axis=2)),
        (RGB.astype(np.float64) + 0.7, "RGB", RGB),
        (RGB.astype(np.int64) + 256, "RGB", RGB),
        (RGB[:1, :1], "RGB", RGB[:1, :1]),
        (RGB[:1, :1, :1], "L", RGB[:1, :1, 0]),
        (RGB[:, 0, 0], "L", RGB[:, :1, 0]),
        (RGB.tolist(), "RGB", RGB),
    ],
)
def test_mode_and_pixels_follow_from_the_shape(array: Any, mode: str, shown: Any) -> None:
    image = runstore.Image(array)
    assert image.image is not None
    assert image.image.mode == mode
    assert np.array_equal(pixels(image), shown)


def test_a_given_mode_is_converted_to() -> None:
    assert np.array_equal(pixels(runstore.Image(RGB, mode="L")), np.asarray(Pillow.fromarray(RGB).convert("L")))


def test_nan_is_no_reason_to_warn_in_the_middle_of_training() -> None:
    assert pixels(runstore.Image(np.full((2, 2), np.nan))).shape == (2, 2)


@pytest.mark.parametrize("array", [np.zeros((4, 4, 2)), np.zeros((4, 4, 5)), np.zeros((2, 4, 4, 3)), np.zeros(())])
def test_other_shapes_are_no_images(array: Any) -> None:
    with pytest.raises(ValueError, match="is no image"):
        runstore.Image(array)


@pytest.mark.parametrize("value", [None, object(), np.array(["a"]), {"a": 1}])
def test_other_values_are_no_images(value: Any) -> None:
    with pytest.raises(TypeError, match="Image takes arrays"):
        runstore.Image(value)


@pytest.mark.parametrize(("file_type", "name"), [("jpg", "JPEG"), ("jpeg", "JPEG"), ("bmp", "BMP"), ("png", "PNG")])
def test_the_file_type_may_be_chosen(folder: Path, file_type: str, name: str) -> None:
    said = logged(folder, image=runstore.Image(RGB, file_type=file_type))["image"]
    assert said["format"] == file_type
    assert said["path"].endswith(f".{file_type}")
    assert Pillow.open(io.BytesIO(content(folder, said))).format == name


def test_another_file_type_is_refused() -> None:
    with pytest.raises(ValueError, match="one of png, jpg, jpeg, bmp, not 'tiff'"):
        runstore.Image(RGB, file_type="tiff")


def test_what_a_person_should_know_is_said_when_the_image_is_logged(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    logged(
        folder,
        glass=runstore.Image(np.zeros((4, 4, 4), np.uint8), file_type="jpg"),
        black=runstore.Image(RGB / 255),
        plain=runstore.Image(RGB),
    )
    said = capfd.readouterr().err
    assert "glass: JPEG has no transparency" in said
    assert "black: an image's values all lie between 0 and 1" in said
    assert "plain:" not in said


def test_pictures_of_pillow_keep_their_mode() -> None:
    image = runstore.Image(Pillow.fromarray(RGB).convert("LA"))
    assert image.image is not None
    assert image.image.mode == "LA"


@pytest.mark.parametrize("name", ["picture.png", "picture.v2.JPG", "picture"])
def test_a_file_is_copied_byte_for_byte(folder: Path, tmp_path: Path, name: str) -> None:
    Pillow.fromarray(RGB).save(tmp_path / name, format="JPEG")
    said = logged(folder, image=runstore.Image(tmp_path / name, caption="c"))["image"]
    assert content(folder, said) == (tmp_path / name).read_bytes()
    ending = name.partition(".")[2].removeprefix("v2.")
    assert said["format"] == ending
    assert said["path"].endswith(f".{ending}" if ending else said["sha256"][:20])
    assert (said["width"], said["height"]) == (17, 12)


def test_a_file_that_is_no_picture_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("text")
    with pytest.raises(OSError, match="cannot identify image file"):
        runstore.Image(tmp_path / "a.png")


def test_an_address_has_no_pixels_and_is_not_fetched() -> None:
    image = runstore.Image("https://example.org/a/b.png?size=3")
    assert (image.image, image.format) == (None, "png")


def test_an_image_may_be_made_of_another_with_other_words(folder: Path) -> None:
    first = runstore.Image(RGB, caption="first", classes=[{"id": 1, "name": "cat"}])
    second = runstore.Image(first, caption="second")
    row = logged(folder, first=first, second=second)
    assert content(folder, row["second"]) == content(folder, row["first"])
    assert (row["first"]["caption"], row["second"]["caption"]) == ("first", "second")
    assert runstore.Image(first)._caption == "first"


def test_equal_pixels_with_equal_words_are_equal_images() -> None:
    assert runstore.Image(RGB, caption="a") == runstore.Image(Pillow.fromarray(RGB), caption="a")
    assert runstore.Image(RGB, caption="a") != runstore.Image(RGB, caption="b")
    assert runstore.Image(RGB) != runstore.Image(RGB // 2)
    assert runstore.Image(RGB) != "RGB"


def test_an_image_shows_its_pixels_before_and_after_it_is_logged(folder: Path) -> None:
    image = runstore.Image(RGB)
    logged(folder, image=image)
    assert np.array_equal(pixels(image), RGB)
    assert np.array_equal(pixels(pickle.loads(pickle.dumps(image))), RGB)


def test_figures_are_taken_as_they_are_drawn() -> None:
    figure_module = pytest.importorskip("matplotlib.figure", reason="matplotlib is not installed")
    figure = figure_module.Figure(figsize=(2, 1), dpi=50)
    axes = figure.subplots()
    axes.plot([1, 3, 2])
    whole = runstore.Image(figure)
    assert (whole._width, whole._height) == (100, 50)
    assert runstore.Image(axes) == whole


def test_pyplot_stands_for_its_current_figure() -> None:
    matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    pyplot.figure(figsize=(1, 1), dpi=40)
    assert runstore.Image(pyplot)._width == 40
    pyplot.close()


class Tensor:
    """What Image uses of a tensor of PyTorch's."""

    __module__ = "torch"
    layout = "torch.strided"
    is_quantized = False

    def __init__(self, array: Any) -> None:
        self.array = array

    def detach(self) -> Tensor:
        return self

    def numpy(self, force: bool = False) -> Any:
        assert force
        return self.array


@pytest.mark.parametrize(
    ("array", "shown"),
    [
        (RGB.transpose(2, 0, 1), RGB),
        (RGB.transpose(2, 0, 1).astype(np.float32), RGB),
        (RGB[None, :, :, 0], RGB[:, :, 0]),
        (RGB[:, :, 0], RGB[:, :, 0]),
        (RGB.transpose(2, 0, 1)[None], RGB),
        (RGB[:1].transpose(2, 0, 1), RGB[:1]),
    ],
)
def test_tensors_have_their_channels_first(monkeypatch: pytest.MonkeyPatch, array: Any, shown: Any) -> None:
    torch = types.ModuleType("torch")
    torch.Tensor = Tensor  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", torch)
    assert np.array_equal(pixels(runstore.Image(Tensor(array))), shown)


def test_a_subclass_of_tensor_has_them_last_as_an_array_has(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = types.ModuleType("torch")
    torch.Tensor = Tensor  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch", torch)
    library = type("TensorImage", (Tensor,), {"__module__": "fastai.torch_core"})
    assert np.array_equal(pixels(runstore.Image(library(RGB))), RGB)


def test_a_list_is_one_object_with_the_size_of_its_first(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    said = logged(folder, many=[runstore.Image(RGB), runstore.Image(RGB[:5], caption="b")])["many"]
    assert {key: said[key] for key in said if key != "filenames"} == {
        "_type": "images/separated",
        "width": 17,
        "height": 12,
        "format": "png",
        "count": 2,
    }
    assert len(said["filenames"]) == 2
    assert all(path.startswith("media/images/many_0_") for path in said["filenames"])
    assert "images of different sizes" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("captions", "said"), [(("a", "b"), ["a", "b"]), (("a", None), ["a", None]), ((None, "b"), None)]
)
def test_captions_of_a_list_are_there_if_the_first_has_one(folder: Path, captions: Any, said: Any) -> None:
    images = tuple(runstore.Image(RGB, caption=caption) for caption in captions)
    assert logged(folder, many=images)["many"].get("captions") == said


def test_of_a_long_list_the_first_108_are_recorded_and_that_is_said(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    said = logged(folder, many=[runstore.Image(RGB[:2, :2])] * 110)["many"]
    assert said["count"] == len(said["filenames"]) == 108
    assert "only the first 108 are recorded" in capfd.readouterr().err


def test_without_pillow_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(runstore.UsageError, match=r"^Image needs the package pillow: pip install pillow \(or runstore"):
        runstore.Image(RGB)


def test_the_names_of_media_load_nothing_until_they_are_used() -> None:
    source = "import sys, runstore; print(sorted({'numpy', 'PIL', 'soundfile'} & set(sys.modules)))"
    assert succeeded(program(source)) == "[]\n"
