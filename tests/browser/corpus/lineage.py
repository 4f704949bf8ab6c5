"""A data set, a model trained on it, a better model on a newer data set, and an evaluation: four runs, one graph."""

from pathlib import Path

import runstore

Path("weights.txt").write_text("0.1 0.2 0.3\n")


def data(name, rows, aliases):
    with runstore.init(project="pipeline", id=f"prepare-{name}", name=f"prepare {name}", job_type="prepare") as run:
        made = runstore.Artifact("flowers", "dataset", description="petals", metadata={"rows": rows, "source": name})
        with made.new_file("rows.csv") as file:
            file.write("petal,kind\n" + "".join(f"{n},rose\n" for n in range(rows)))
        with made.new_file("licence.txt") as file:
            file.write("free\n")
        run.log_artifact(made, aliases=aliases)


def model(name, epochs):
    with runstore.init(project="pipeline", id=name, name=name, job_type="train", config={"epochs": epochs}) as run:
        run.use_artifact("flowers:latest")
        made = runstore.Artifact("classifier", "model", metadata={"epochs": epochs})
        made.add_file("weights.txt")
        with made.new_file("card.md") as file:
            file.write(f"trained {epochs} epochs\n")
        run.log_artifact(made, aliases=["latest", "best"])
        run.log({"loss": 1 / epochs})


data("small", 10, ["latest", "first"])
model("early", 3)
data("large", 200, ["latest"])
model("late", 9)
with runstore.init(project="pipeline", id="evaluate", name="evaluate", job_type="evaluate") as run:
    run.use_artifact("classifier:best")
    run.log({"accuracy": 0.9})
