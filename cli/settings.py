"""`runstore settings`: each setting, its value, and where that came from."""

from __future__ import annotations

import math

import click

from runstore.cli.output import emit_json, emit_table
from runstore.settings import SECRETS, SETTINGS, RunMoment, Settings, resolve, settings_file, variable_of


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    """Print each setting of a training process here: its value, where that came from, and its variable.

    An argument of runstore.init() comes before the environment, that before the settings files. Keys are not shown.

    Example: runstore settings
    """
    settings = resolve()
    values = _values(settings)
    if as_json:
        # JSON has no infinity: the word that the variable takes stands for it.
        safe = {name: "never" if value == math.inf else value for name, value in values.items()}
        sources = settings.sources
        emit_json({name: {"value": value, "source": sources[name]} for name, value in safe.items()})
        return
    rows = [
        (name, _shown(value), settings.sources[name], variable_of(name), SETTINGS[place].metadata["help"])
        for place, (name, value) in enumerate(values.items())
    ]
    emit_table(rows, ("SETTING", "VALUE", "FROM", "VARIABLE", "MEANING"))
    click.echo(f"\nsettings file: {settings_file()}")


def _values(settings: Settings) -> dict[str, object]:
    """Return what may be shown."""
    values = {field.name: getattr(settings, field.name) for field in SETTINGS}
    for name in SECRETS:
        values[name] = "set" if values[name] else None
    address, at, host = settings.base_url.rpartition("@")
    if at:  # a name and a password before it
        values["base_url"] = f"{address.partition('://')[0]}://...@{host}"
    return {name: str(value) if isinstance(value, RunMoment) else value for name, value in values.items()}


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or "-"
    return "-" if value in ("", None) else str(value)
