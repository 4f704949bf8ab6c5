"""Media that are files: images with all that goes with them, sounds, videos, pages, objects, molecules."""

import io
import pathlib
from typing import Any

import matplotlib
import numpy as np
import wandb

matplotlib.use("agg")

_RANDOM = np.random.default_rng(7)
_GREY = _RANDOM.integers(0, 256, (6, 8), dtype=np.uint8)
_COLOUR = _RANDOM.integers(0, 256, (6, 8, 3), dtype=np.uint8)
_ALPHA = _RANDOM.integers(0, 256, (6, 8, 4), dtype=np.uint8)
_MASK = np.array([[0, 1, 2, 0], [1, 1, 0, 2]], dtype=np.uint8)
_BOX = {
    "position": {"minX": 0.1, "maxX": 0.5, "minY": 0.2, "maxY": 0.6},
    "class_id": 1,
    "box_caption": "it",
    "scores": {"p": 0.5},
}
_PIXELS = {"position": {"middle": [3, 2], "width": 2, "height": 1}, "domain": "pixel", "class_id": 2}


def _run(run_id: str) -> Any:
    return wandb.init(project="differential", id=run_id)


def _opened(name: str) -> io.TextIOBase:
    # Read as a whole, so that no file stays open.
    return io.StringIO(pathlib.Path(name).read_text())


def arrays() -> None:
    run = _run("arrays")
    run.log({"colour": wandb.Image(_COLOUR), "grey": wandb.Image(_GREY), "alpha": wandb.Image(_ALPHA)})
    run.log({"one channel": wandb.Image(_GREY[:, :, None]), "bool": wandb.Image(_GREY > 100)})
    run.log({"int64": wandb.Image(_COLOUR.astype(np.int64)), "captioned": wandb.Image(_COLOUR, caption="a caption: ü")})


def float_arrays() -> None:
    run = _run("float_arrays")
    run.log({"unit": wandb.Image(_COLOUR / 255), "f32": wandb.Image((_GREY / 255).astype(np.float32))})
    run.log({"signed": wandb.Image(_COLOUR / 127.5 - 1), "wide": wandb.Image(_COLOUR.astype(float))})


def pillow() -> None:
    from PIL import Image

    run = _run("pillow")
    run.log({mode: wandb.Image(Image.fromarray(_COLOUR).convert(mode)) for mode in ("RGB", "L", "RGBA", "1", "P")})
    run.log({"as L": wandb.Image(Image.fromarray(_COLOUR), mode="L"), "jpg": wandb.Image(_COLOUR, file_type="jpg")})


def files() -> None:
    from PIL import Image

    Image.fromarray(_COLOUR).save("picture.png")
    Image.fromarray(_COLOUR).save("picture.jpg")
    run = _run("files")
    run.log({"png": wandb.Image("picture.png"), "jpg": wandb.Image("picture.jpg", caption="a file")})
    run.log({"path": wandb.Image(pathlib.Path("picture.png"))})
    run.log({"of an image": wandb.Image(wandb.Image(_COLOUR, caption="inner"))})


def lists() -> None:
    run = _run("lists")
    run.log({"list": [wandb.Image(_COLOUR), wandb.Image(_COLOUR[::-1].copy())]})
    run.log({"captions": [wandb.Image(_COLOUR, caption="a"), wandb.Image(_COLOUR[::-1].copy(), caption="b")]})
    run.log({"half": [wandb.Image(_COLOUR, caption="a"), wandb.Image(_COLOUR[::-1].copy())]})
    run.log({"single": [wandb.Image(_COLOUR)], "same twice": [wandb.Image(_COLOUR), wandb.Image(_COLOUR)]})
    run.log({"none": [], "tuple": (wandb.Image(_COLOUR), wandb.Image(_COLOUR))})


def masks() -> None:
    run = _run("masks")
    labels = {0: "nothing", 1: "cat", 2: "dog"}
    run.log({"mask": wandb.Image(_COLOUR, masks={"predicted": {"mask_data": _MASK, "class_labels": labels}})})
    run.log(
        {
            "two": wandb.Image(
                _COLOUR, masks={"a": {"mask_data": _MASK}, "b": {"mask_data": _MASK, "class_labels": labels}}
            )
        }
    )


def mask_lists() -> None:
    run = _run("mask_lists")
    mask = {"m": {"mask_data": _MASK, "class_labels": {1: "cat"}}}
    run.log({"all": [wandb.Image(_COLOUR, masks=mask), wandb.Image(_COLOUR[::-1].copy(), masks=mask)]})
    run.log({"first": [wandb.Image(_COLOUR, masks=mask), wandb.Image(_COLOUR[::-1].copy())]})


def boxes() -> None:
    run = _run("boxes")
    data = {"predictions": {"box_data": [_BOX, _PIXELS], "class_labels": {1: "cat", 2: "dog"}}}
    run.log({"boxes": wandb.Image(_COLOUR, boxes=data)})
    run.log({"again": [wandb.Image(_COLOUR, boxes=data), wandb.Image(_COLOUR[::-1].copy(), boxes=data)]})


def classes() -> None:
    run = _run("classes")
    classes = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
    run.log({"listed": wandb.Image(_COLOUR, classes=classes, masks={"m": {"mask_data": _MASK}})})
    run.log({"object": wandb.Image(_COLOUR, classes=wandb.Classes(classes), masks={"m": {"mask_data": _MASK}})})


def keys() -> None:
    run = _run("keys")
    run.log({"section/deep/image": wandb.Image(_COLOUR), "nested": {"below": {"image": wandb.Image(_GREY)}}})
    run.log({"with space": wandb.Image(_COLOUR), "ünï": wandb.Image(_COLOUR), "dotted.key": wandb.Image(_GREY)})
    run.log({"a:b*c?": wandb.Image(_COLOUR)})


def same_object_again() -> None:
    run = _run("same_object_again")
    image = wandb.Image(_COLOUR)
    run.log({"one": image}, commit=False)
    run.log({"two": image, "loss": 1.0})
    run.log({"one": image})


def in_the_summary() -> None:
    run = _run("in_the_summary")
    run.log({"logged": wandb.Image(_COLOUR)})
    run.summary["by hand"] = wandb.Image(_GREY)
    run.summary.update({"histogram": wandb.Histogram([1, 2, 3], num_bins=2)})


def in_the_config() -> None:
    run = _run("in_the_config")
    run.config.update({"image": wandb.Image(_COLOUR)})


def figures() -> None:
    from matplotlib import pyplot

    run = _run("figures")
    figure, axes = pyplot.subplots(figsize=(2, 1))
    axes.imshow(_COLOUR)
    run.log({"image": wandb.Image(figure), "captioned": wandb.Image(figure, caption="a figure")})
    pyplot.close(figure)


def plotted() -> None:
    from matplotlib import pyplot

    run = _run("plotted")
    figure, axes = pyplot.subplots(figsize=(2, 1))
    axes.plot([1, 2, 3], [3, 1, 2])
    run.log({"figure": figure})
    pyplot.close(figure)


def figure_of_pixels() -> None:
    from matplotlib import pyplot

    run = _run("figure_of_pixels")
    figure, axes = pyplot.subplots(figsize=(2, 1))
    axes.imshow(_COLOUR)
    run.log({"figure": figure})
    pyplot.close(figure)


def plotly_figures() -> None:
    from plotly import graph_objects

    run = _run("plotly_figures")
    figure = graph_objects.Figure(graph_objects.Scatter(x=[1, 2, 3], y=[3, 1, 2]))
    run.log({"bare": figure, "wrapped": wandb.Plotly(figure)})


def sounds() -> None:
    run = _run("sounds")
    sound = np.sin(np.arange(800) / 10).astype(np.float32)
    run.log(
        {
            "mono": wandb.Audio(sound, sample_rate=8000),
            "captioned": wandb.Audio(sound, sample_rate=8000, caption="a tone"),
        }
    )
    run.log({"stereo": wandb.Audio(np.stack([sound, -sound], axis=1), sample_rate=8000)})
    run.log({"listed": [wandb.Audio(sound, sample_rate=8000), wandb.Audio(-sound, sample_rate=8000, caption="b")]})
    run.log({"integers": wandb.Audio((sound * 1000).astype(np.int16), sample_rate=8000)})


def sound_files() -> None:
    import soundfile

    soundfile.write("tone.wav", np.sin(np.arange(800) / 10), 8000)
    run = _run("sound_files")
    run.log({"file": wandb.Audio("tone.wav"), "captioned": wandb.Audio("tone.wav", caption="a file", sample_rate=8000)})


def videos() -> None:
    pathlib.Path("clip.mp4").write_bytes(b"\x00\x00\x00\x18ftypmp42 not really")
    pathlib.Path("clip.gif").write_bytes(b"GIF89a not really")
    run = _run("videos")
    run.log({"mp4": wandb.Video("clip.mp4"), "gif": wandb.Video("clip.gif", caption="moves", format="gif")})
    run.log({"listed": [wandb.Video("clip.mp4"), wandb.Video("clip.gif", format="gif")]})
    run.log({"bytes": wandb.Video(io.BytesIO(b"GIF89a in memory"), format="gif")})


def pages() -> None:
    pathlib.Path("page.html").write_text("<html><body>of a file</body></html>")
    run = _run("pages")
    run.log({"text": wandb.Html("<b>bold ü</b>"), "whole": wandb.Html("<html><head></head><body>x</body></html>")})
    run.log(
        {
            "raw": wandb.Html("<b>x</b>", inject=False),
            "file": wandb.Html("page.html"),
            "open": wandb.Html(_opened("page.html")),
        }
    )
    run.log({"as text": wandb.Html("page.html", data_is_not_path=True), "listed": [wandb.Html("a"), wandb.Html("b")]})


def points() -> None:
    run = _run("points")
    cloud = _RANDOM.random((5, 3))
    run.log(
        {"xyz": wandb.Object3D(cloud), "classes": wandb.Object3D(np.hstack([cloud, np.arange(5)[:, None] % 14 + 1]))}
    )
    run.log({"colours": wandb.Object3D(np.hstack([cloud, np.full((5, 3), 128.0)]))})
    run.log({"numpy": wandb.Object3D.from_numpy(cloud)})
    run.log({"listed": [wandb.Object3D(cloud), wandb.Object3D(cloud * 2)]})


def scenes() -> None:
    run = _run("scenes")
    corners = [[0, 0, 0], [0, 0, 1], [0, 1, 0], [0, 1, 1], [1, 0, 0], [1, 0, 1], [1, 1, 0], [1, 1, 1]]
    box = {"corners": corners, "label": "box", "color": [255, 0, 0]}
    vector = {"start": [0, 0, 0], "end": [1, 2, 3]}
    run.log(
        {
            "dict": wandb.Object3D(
                {
                    "type": "lidar/beta",
                    "points": np.ones((2, 3)),
                    "boxes": np.array([box]),
                    "vectors": np.array([vector]),
                }
            )
        }
    )
    run.log(
        {
            "parts": wandb.Object3D.from_point_cloud(
                points=[[1, 2, 3]], boxes=[box], vectors=[vector], point_cloud_type="lidar/beta"
            )
        }
    )


def box_of_three_dimensions() -> object:
    return wandb.box3d(
        center=(0, 0, 0), size=(1, 2, 3), orientation=(1, 0, 0, 0), color=(1, 2, 3), label="a", score=0.5
    )


def object_files() -> None:
    pathlib.Path("cube.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    pathlib.Path("cube.glb").write_bytes(b"glTF not really")
    run = _run("object_files")
    run.log(
        {
            "obj": wandb.Object3D("cube.obj"),
            "glb": wandb.Object3D.from_file("cube.glb"),
            "open": wandb.Object3D(_opened("cube.obj"), file_type="obj"),
        }
    )


def molecules() -> None:
    pathlib.Path("water.pdb").write_text("ATOM      1  O   HOH A   1       0.000   0.000   0.000\nEND\n")
    run = _run("molecules")
    run.log({"file": wandb.Molecule("water.pdb"), "captioned": wandb.Molecule("water.pdb", caption="water")})
    run.log(
        {
            "open": wandb.Molecule(_opened("water.pdb"), file_type="pdb"),
            "listed": [wandb.Molecule("water.pdb"), wandb.Molecule("water.pdb")],
        }
    )


def histograms() -> None:
    run = _run("histograms")
    run.log({"list": wandb.Histogram([1, 2, 2, 3, 3, 3]), "bins": wandb.Histogram([1, 2, 2, 3], num_bins=4)})
    run.log({"array": wandb.Histogram(_COLOUR), "made": wandb.Histogram(np_histogram=([1, 2], [0, 1, 2]))})
    run.log(
        {
            "listed": [wandb.Histogram([1, 2], num_bins=2), wandb.Histogram([3, 4], num_bins=2)],
            "nested": {"h": wandb.Histogram([1], num_bins=1)},
        }
    )


def refused() -> list[object]:
    run = _run("refused")
    raised: list[object] = []
    for make in (
        lambda: wandb.Image("nowhere.png"),
        lambda: wandb.Image(np.zeros((2, 2, 7))),
        lambda: wandb.Image(_COLOUR, masks={"m": {}}),
        lambda: wandb.Image(_COLOUR, masks=5),
        lambda: wandb.Image(_COLOUR, boxes={"b": {"box_data": [{"position": {}}]}}),
        lambda: wandb.Audio("nowhere.wav"),
        lambda: wandb.Audio(np.zeros(5)),
        lambda: wandb.Video("nowhere.mp4"),
        lambda: wandb.Video("picture.avi"),
        lambda: wandb.Video(np.zeros((2, 3)), format="odd"),
        lambda: wandb.Object3D(np.zeros((2, 5))),
        lambda: wandb.Object3D("nowhere.obj"),
        lambda: wandb.Object3D("nowhere.odd"),
        lambda: wandb.Molecule("nowhere.odd"),
        lambda: wandb.Molecule("nowhere.pdb"),
        lambda: wandb.Histogram([1, 2], num_bins=1000),
        lambda: wandb.Histogram(np_histogram=([1, 2], [0, 1])),
        lambda: wandb.Histogram(),
        lambda: wandb.Html(5),
        lambda: wandb.Classes([1]),
    ):
        try:
            make()
            raised.append("nothing")
        except Exception as error:
            raised.append(type(error))
    run.log({"x": 1})
    return raised
