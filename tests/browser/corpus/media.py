"""One of each kind of media, over a few steps."""

import matplotlib
import numpy as np

import runstore

matplotlib.use("Agg")
source = np.random.default_rng(0)
CLASSES = {0: "ground", 1: "cat", 2: "dog"}


def picture(step):
    shades = np.zeros((48, 64, 3), np.uint8)
    shades[..., 0] = np.linspace(0, 255, 64, dtype=np.uint8)
    shades[10 : 20 + step, 10:30] = (0, 200, 60)
    mask = np.zeros((48, 64), np.uint8)
    mask[10 : 20 + step, 10:30] = 1
    mask[30:40, 40:60] = 2
    box = {
        "position": {"minX": 0.1, "minY": 0.2, "maxX": 0.5, "maxY": 0.6},
        "class_id": 1,
        "box_caption": "cat 0.9",
        "scores": {"confidence": 0.9},
    }
    return runstore.Image(
        shades,
        caption=f"step {step}",
        masks={"predictions": {"mask_data": mask, "class_labels": CLASSES}},
        boxes={"found": {"box_data": [box], "class_labels": CLASSES}},
    )


def sound(step):
    seconds = np.arange(4000) / 8000
    return runstore.Audio(np.sin(2 * np.pi * (220 + 110 * step) * seconds).astype(np.float32), 8000, caption=f"{step}")


run = runstore.init(project="media", id="media", name="one of each")
for step in range(3):
    cloud = source.normal(size=(200, 3))
    run.log(
        {
            "image": picture(step),
            "images": [picture(n) for n in range(4)],
            "audio": sound(step),
            "video": runstore.Video(source.integers(0, 255, (6, 3, 32, 32), np.uint8), fps=4, format="gif"),
            "html": runstore.Html(f"<h1>page {step}</h1><script>document.title = 'changed'</script>"),
            "weights": runstore.Histogram(source.normal(step, 1, 500)),
            "cloud": runstore.Object3D(cloud),
        }
    )

table = runstore.Table(columns=["id", "guess", "picture"], data=[])
for n in range(250):
    table.add_data(n, ("cat", "dog", "bird")[n % 3], picture(n % 3) if n < 5 else None)
run.log({"guesses": table})

truth, odds = source.integers(0, 2, 60), source.random(60)
points = runstore.Table(columns=["x", "y"], data=[[n, n * n] for n in range(20)])
run.log(
    {
        "line": runstore.plot.line(points, "x", "y", title="a line"),
        "scatter": runstore.plot.scatter(points, "x", "y", title="a scatter"),
        "bar": runstore.plot.bar(runstore.Table(columns=["k", "v"], data=[["a", 1], ["b", 3]]), "k", "v", title="bars"),
        "hist": runstore.plot.histogram(runstore.Table(columns=["v"], data=[[v] for v in odds]), "v", title="spread"),
        "pr": runstore.plot.pr_curve(truth, np.stack([1 - odds, odds], 1), labels=["no", "yes"]),
        "roc": runstore.plot.roc_curve(truth, np.stack([1 - odds, odds], 1), labels=["no", "yes"]),
        "confusion": runstore.plot.confusion_matrix(
            y_true=truth, preds=(odds > 0.5).astype(int), class_names=["n", "y"]
        ),
        "series": runstore.plot.line_series([0, 1, 2], [[1, 2, 3], [3, 2, 1]], keys=["up", "down"], title="two lines"),
    }
)

import plotly.graph_objects  # noqa: E402 - slow, and only needed here

run.log({"figure": runstore.Plotly(plotly.graph_objects.Figure(data=plotly.graph_objects.Bar(y=[2, 3, 1])))})
with open("water.pdb", "w") as file:
    file.write("ATOM      1  O   HOH A   1       0.000   0.000   0.000  1.00  0.00           O\n")
    file.write("ATOM      2  H1  HOH A   1       0.960   0.000   0.000  1.00  0.00           H\nEND\n")
run.log({"molecule": runstore.Molecule("water.pdb")})
with open("cube.obj", "w") as file:
    file.write("v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 2 3\nf 1 2 4\nf 1 3 4\nf 2 3 4\n")
run.log({"mesh": runstore.Object3D("cube.obj")})
run.finish()
