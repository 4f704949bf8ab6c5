"""What can be logged beside numbers."""

from __future__ import annotations

from runstore import Audio as Audio
from runstore import Classes as Classes
from runstore import Graph as Graph
from runstore import Histogram as Histogram
from runstore import Html as Html
from runstore import Image as Image
from runstore import Molecule as Molecule
from runstore import Object3D as Object3D
from runstore import Plotly as Plotly
from runstore import Table as Table
from runstore import Video as Video
from runstore import box3d as box3d
from runstore.sdk.media.base import Media as Media
from runstore.sdk.media.boxes import BoundingBoxes2D as BoundingBoxes2D
from runstore.sdk.media.masks import ImageMask as ImageMask

WBValue = Media
