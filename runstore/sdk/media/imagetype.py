"""The type of a table's column of images: which classes their boxes and masks show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from runstore.sdk.media.tabletypes import Kind, TableFolder, constant

Layers = Mapping[str, frozenset[Any]]  # the ids of classes by the name of the boxes or masks
Maps = Mapping[str, Mapping[str, str]]  # the names of classes by the same, and by their ids


@dataclass(frozen=True)
class ImageFile(Kind):
    """Images, with the classes that are in any of their boxes and masks, and the names of these."""

    name = "image-file"
    box_layers: Layers = field(default_factory=dict)
    box_score_keys: frozenset[str] = frozenset()
    mask_layers: Layers = field(default_factory=dict)
    box_class_maps: Maps = field(default_factory=dict)
    mask_class_maps: Maps = field(default_factory=dict)
    class_map: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, image: Any) -> ImageFile:
        """Return what one image has."""
        boxes, masks = image._boxes or {}, image._masks or {}
        scores = (key for layer in boxes.values() for box in layer._val for key in box.get("scores") or {})
        names = image._classes.names() if image._classes is not None else {}
        return cls(
            {str(key): frozenset(layer._class_labels) for key, layer in boxes.items()},
            frozenset(scores),
            {str(key): frozenset(layer._class_labels) for key, layer in masks.items()},
            {str(key): _named(layer._class_labels) for key, layer in boxes.items()},
            {str(key): _named(layer._class_labels) for key, layer in masks.items()},
            _named(names),
        )

    def joined(self, other: Kind) -> Kind | None:
        """Take all that the other's images have as well; of two names for one class, the first stays."""
        if not isinstance(other, ImageFile):
            return None
        return ImageFile(
            _layers(self.box_layers, other.box_layers),
            self.box_score_keys | other.box_score_keys,
            _layers(self.mask_layers, other.mask_layers),
            _maps(self.box_class_maps, other.box_class_maps),
            _maps(self.mask_class_maps, other.mask_class_maps),
            {**other.class_map, **self.class_map},
        )

    def parameters(self, artifact: TableFolder) -> dict[str, Any]:
        """Return all of it, as constants."""
        return {
            "box_layers": constant({key: _ordered(ids) for key, ids in self.box_layers.items()}),
            "box_score_keys": constant(_ordered(self.box_score_keys), is_set=True),
            "mask_layers": constant({key: _ordered(ids) for key, ids in self.mask_layers.items()}),
            "box_class_maps": constant(self.box_class_maps),
            "mask_class_maps": constant(self.mask_class_maps),
            "class_map": constant(self.class_map),
        }


def _named(labels: Mapping[Any, str]) -> dict[str, str]:
    return {str(number): name for number, name in labels.items()}


def _ordered(items: Iterable[Any]) -> list[Any]:
    return sorted(items, key=lambda item: (isinstance(item, str), item))


def _layers(one: Layers, other: Layers) -> dict[str, frozenset[Any]]:
    return {key: one.get(key, frozenset()) | other.get(key, frozenset()) for key in (*one, *other)}


def _maps(one: Maps, other: Maps) -> dict[str, dict[str, str]]:
    return {key: {**other.get(key, {}), **one.get(key, {})} for key in (*one, *other)}
