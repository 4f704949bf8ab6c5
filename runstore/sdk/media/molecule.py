"""Molecule: structures of molecules."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, ClassVar

from runstore.sdk.media.base import WrongMedia, WrongMediaType
from runstore.sdk.media.onefile import FileMedia, library, type_name
from runstore.sdk.media.streams import known_ending, path_of, text_of

if TYPE_CHECKING:
    from runstore.sdk.recorder import Recorder


class Molecule(FileMedia):
    """The structure of a molecule, in one of the files that chemists use."""

    log_type = "molecule-file"
    folder = "molecule"
    SUPPORTED_TYPES: ClassVar[set[str]] = {"pdb", "pqr", "mmcif", "mcif", "cif", "sdf", "sd", "gro", "mol2", "mmtf"}
    SUPPORTED_RDKIT_TYPES: ClassVar[set[str]] = {"mol", "sdf"}

    def __init__(self, data_or_path: Any, caption: str | None = None, **kwargs: str) -> None:
        """Take a path, an open file, or a stream, which needs its `file_type` (pdb, sdf, cif, mol2 and others).

        Files are copied when they are logged. Raises WrongMedia for another type, OSError for an unreadable file.
        """
        super().__init__(caption)
        path = path_of(data_or_path)
        if path is not None:
            self._from_path(path, known_ending(path, self.SUPPORTED_TYPES, "Molecule"))
        elif hasattr(data_or_path, "read"):
            self._from_bytes(*text_of(data_or_path, kwargs.get("file_type"), self.SUPPORTED_TYPES, "Molecule"))
        else:
            raise WrongMedia(f"Molecule takes a path or a stream, not {type_name(data_or_path)}")

    @classmethod
    def from_rdkit(
        cls,
        data_or_path: Any,
        caption: str | None = None,
        convert_to_3d_and_optimize: bool = True,
        mmff_optimize_molecule_max_iterations: int = 200,
    ) -> Molecule:
        """Return a molecule of RDKit's, or the first one in a mol or sdf file, as pdb.

        Finding coordinates in space may take long; `convert_to_3d_and_optimize=False` leaves them as they are.
        Raises UsageError where RDKit is not installed, WrongMedia for a file that it can't read.
        """
        chem = library("rdkit.Chem", "Molecule.from_rdkit")
        if isinstance(data_or_path, (str, PurePath)):
            molecule = _read(chem, str(data_or_path))
        elif isinstance(data_or_path, chem.rdchem.Mol):
            molecule = data_or_path
        else:
            raise WrongMediaType(f"Molecule.from_rdkit takes a path or RDKit's Mol, not {type_name(data_or_path)}")
        if convert_to_3d_and_optimize:
            force_fields = library("rdkit.Chem.AllChem", "Molecule.from_rdkit")
            molecule = chem.AddHs(molecule)
            force_fields.EmbedMolecule(molecule)
            force_fields.MMFFOptimizeMolecule(molecule, maxIters=mmff_optimize_molecule_max_iterations)
        made = cls.__new__(cls)
        FileMedia.__init__(made, caption)
        made._from_bytes(chem.MolToPDBBlock(molecule).encode(), "pdb")
        return made

    @classmethod
    def from_smiles(
        cls,
        data: str,
        caption: str | None = None,
        sanitize: bool = True,
        convert_to_3d_and_optimize: bool = True,
        mmff_optimize_molecule_max_iterations: int = 200,
    ) -> Molecule:
        """Return the molecule that a SMILES string describes; see `from_rdkit`. Raises WrongMedia for what is none."""
        molecule = library("rdkit.Chem", "Molecule.from_smiles").MolFromSmiles(data, sanitize=sanitize)
        if molecule is None:
            raise WrongMedia(f"{data!r} is no SMILES string that RDKit can read")
        return cls.from_rdkit(molecule, caption, convert_to_3d_and_optimize, mmff_optimize_molecule_max_iterations)

    @classmethod
    def _json_together(cls, items: Sequence[Any], recorder: Recorder) -> dict[str, Any]:
        captions = False if items[0]._caption is None else [item._caption for item in items]
        names = [item._recorded[1]["path"] for item in items]
        return {"_type": "molecule", "filenames": names, "count": len(items), "captions": captions}


def _read(chem: Any, path: str) -> Any:
    """Return the first molecule in a file, as RDKit reads it."""
    if known_ending(path, Molecule.SUPPORTED_RDKIT_TYPES, "Molecule.from_rdkit") == "mol":
        molecule = chem.MolFromMolFile(path)
    else:
        with chem.SDMolSupplier(path) as supplier:
            molecule = next(iter(supplier), None)
    if molecule is None:
        raise WrongMedia(f"{os.path.basename(path)} holds no molecule that RDKit can read")
    return molecule
