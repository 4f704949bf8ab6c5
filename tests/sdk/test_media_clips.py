"""Audio and Video: clips from samples and frames, files and streams."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image as Pillow

import runstore
from runstore.sdk.media.frames import grid
from tests.sdk.medialogs import content, logged

FRAMES = np.random.default_rng(3).integers(0, 256, (7, 3, 10, 12), dtype=np.uint8)


def test_samples_become_a_wav_file(folder: Path) -> None:
    samples = np.sin(np.arange(1000) / 10)
    said = logged(folder, clip=runstore.Audio(samples, sample_rate=8000, caption="hum"))["clip"]
    heard, rate = soundfile.read(io.BytesIO(content(folder, said)))
    assert rate == 8000
    assert np.allclose(heard, samples, atol=1e-4)
    assert (said["_type"], said["caption"]) == ("audio-file", "hum")
    assert said["path"].startswith("media/audio/clip_0_")
    assert said["path"].endswith(".wav")


def test_an_audio_file_is_copied(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(b"any bytes")
    said = logged(folder, clip=runstore.Audio(tmp_path / "a.mp3"))["clip"]
    assert content(folder, said) == b"any bytes"
    assert said["path"].endswith(".mp3")


def test_a_list_of_clips_says_how_long_they_are(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"any bytes")
    said = logged(folder, clips=[runstore.Audio([0.0] * 40, 10, "hum"), runstore.Audio(str(tmp_path / "a.wav"))])[
        "clips"
    ]
    assert (said["_type"], said["count"], len(said["audio"])) == ("audio", 2, 2)
    assert (said["durations"], said["sampleRates"], said["captions"]) == ([4.0, None], [10, None], ["hum", ""])
    assert "captions" not in logged(folder / "other", clips=[runstore.Audio([0.0], 10)])["clips"]


def test_samples_need_their_rate() -> None:
    with pytest.raises(ValueError, match="`sample_rate`"):
        runstore.Audio(np.zeros(5))
    with pytest.raises(ValueError, match="samples of shape"):
        runstore.Audio(np.zeros((5, 5, 5)), sample_rate=10)


def test_frames_become_a_gif_that_keeps_each_of_them(folder: Path) -> None:
    said = logged(folder, clip=runstore.Video(FRAMES, caption="c", fps=30, format="gif"))["clip"]
    shown = Pillow.open(io.BytesIO(content(folder, said)))
    # W&B's library loses the last of 7 frames at 30 a second.
    assert (shown.n_frames, shown.size) == (7, (12, 10))  # type: ignore[attr-defined]
    assert (said["_type"], said["width"], said["height"], said["caption"]) == ("video-file", 12, 10, "c")
    assert said["path"].startswith("media/videos/clip_0_")


@pytest.mark.parametrize(
    ("file_type", "mark"), [("mp4", (4, b"ftyp")), ("webm", (0, b"\x1a\x45\xdf\xa3")), ("ogg", (0, b"OggS"))]
)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_frames_become_films(file_type: str, mark: tuple[int, bytes], channels: int) -> None:
    place, name = mark
    clip = runstore.Video(np.zeros((3, channels, 16, 24), np.uint8), format=file_type)
    data = clip._content()
    assert data[place : place + len(name)] == name
    assert (clip._width, clip._height) == (24, 16)


def test_a_film_may_have_odd_sides() -> None:
    assert runstore.Video(FRAMES[:, :, :9, :11], format="mp4")._width == 11


@pytest.mark.parametrize(
    ("count", "shape"), [(1, (1, 1)), (2, (1, 2)), (3, (1, 4)), (4, (2, 2)), (5, (2, 4)), (8, (2, 4))]
)
def test_a_batch_is_shown_as_a_grid(count: int, shape: tuple[int, int]) -> None:
    batch = np.stack([np.full((2, 3, 4, 5), place + 1, np.uint8) for place in range(count)])
    shown = grid(batch, [])
    rows, columns = shape
    assert shown.shape == (2, rows * 4, columns * 5, 3)
    tiles = [shown[0, row * 4, column * 5, 0] for row in range(rows) for column in range(columns)]
    assert tiles == [*range(1, count + 1), *[0] * (rows * columns - count)]


def test_other_numbers_are_cut_to_bytes_and_that_is_said(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    logged(folder, clip=runstore.Video(FRAMES.astype(np.float32), format="gif"))
    assert "clip: a video's frames were converted" in capfd.readouterr().err


@pytest.mark.parametrize("stands", [0, 2, 7])
def test_a_stream_is_read_from_where_it_stands_or_all_of_it_at_its_end(folder: Path, stands: int) -> None:
    stream = io.BytesIO(b"content")
    stream.seek(stands)
    said = logged(folder, clip=runstore.Video(stream, format="mp4"))["clip"]
    assert content(folder, said) == (b"content"[stands:] or b"content")


def test_a_video_file_is_copied_and_its_rate_is_its_own(
    folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.mp4").write_bytes(b"any bytes")
    said = logged(folder, clip=runstore.Video(tmp_path / "a.mp4", fps=3))["clip"]
    assert content(folder, said) == b"any bytes"
    assert "width" not in said
    assert "`fps` means nothing" in capfd.readouterr().err


def test_captions_of_a_list_are_there_if_the_first_has_one(folder: Path) -> None:
    def clip(caption: str | None) -> runstore.Video:
        return runstore.Video(io.BytesIO(b"x"), caption, format="mp4")

    row = logged(folder, some=[clip("a"), clip(None)], none=[clip(None), clip("a")])
    assert (row["some"]["_type"], row["some"]["count"], len(row["some"]["videos"])) == ("videos", 2, 2)
    assert row["some"]["captions"] == ["a", None]
    assert row["none"]["captions"] is False


@pytest.mark.parametrize(
    ("value", "arguments", "sentence"),
    [
        (FRAMES, {}, "must be one of gif, mp4, webm, ogg, not None"),
        (FRAMES, {"format": "avi"}, "must be one of gif, mp4, webm, ogg, not 'avi'"),
        ("clip.avi", {}, "must be one of gif, mp4, webm, ogg, not 'avi'"),
        (FRAMES[0], {"format": "gif"}, r"shape \(time, channel, height, width\), not uint8 of \(3, 10, 12\)"),
        (FRAMES[:, :2], {"format": "gif"}, "2 channels"),
        (FRAMES[:0], {"format": "gif"}, r"of \(0, 3, 10, 12\)"),
        (io.StringIO("x"), {"format": "mp4"}, "must hold bytes"),
    ],
)
def test_what_is_no_video_is_refused(value: Any, arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        runstore.Video(value, **arguments)


def test_without_the_packages_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("imageio_ffmpeg", "soundfile"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(runstore.UsageError, match="Video as mp4 needs the package imageio-ffmpeg"):
        runstore.Video(FRAMES, format="mp4")
    with pytest.raises(runstore.UsageError, match="Audio of samples needs the package soundfile"):
        runstore.Audio(np.zeros(5), sample_rate=10)
