"""Cut the samples embedded in the package from the full data sets: ``python scripts/cut_data.py --from FOLDER``.

FOLDER holds ``mnist/*.gz`` and ``fashion-mnist/*.gz`` (the four IDX files each) and ``jsb_chorales.npz``
(pitch, length, name). The sources' digests are checked first. Classes are balanced; training images come
from the training set, test images from the test set; ``*_index`` says which ones. The same folder gives the
same arrays every time.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import lzma
from pathlib import Path

import numpy as np

from dgm_tutor.data.fetch import unpack, write_atomically
from dgm_tutor.data.full import SETS, parse_idx

SEED = 12
COUNTS = {"mnist": (10_000, 2_000), "fashion": (6_000, 1_000)}
FOLDERS = {"mnist": "mnist", "fashion": "fashion-mnist"}
TEST_CHORALES = 74
OUT = Path(__file__).resolve().parents[1] / "dgm_tutor" / "data" / "files"


def cut_images(name: str, source: Path) -> dict[str, np.ndarray]:
    folder = source / FOLDERS[name]
    contents = [unpack((folder / f"{file.name}.gz").read_bytes(), file) for file in SETS[name].files]
    x, y, test_x, test_y = (parse_idx(content).numpy() for content in contents)
    rng = np.random.default_rng(SEED)
    train, test = (balanced(labels, n, rng) for labels, n in zip((y, test_y), COUNTS[name], strict=True))
    return {
        "train_images": x[train],
        "train_labels": y[train],
        "train_index": train.astype(np.int32),
        "test_images": test_x[test],
        "test_labels": test_y[test],
        "test_index": test.astype(np.int32),
    }


def balanced(labels: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """n positions, as many of every class, in random order."""
    chosen = [rng.permutation(np.flatnonzero(labels == k))[: n // 10] for k in range(10)]
    return rng.permutation(np.concatenate(chosen))


def cut_chorales(source: Path) -> dict[str, np.ndarray]:
    """All 368 chorales, those for testing marked. Copies of one piece stay on one side of the split."""
    with np.load(source / "jsb_chorales.npz", allow_pickle=False) as arrays:
        pitch, length, name = arrays["pitch"], arrays["length"], arrays["name"]
    pieces: dict[bytes, list[int]] = {}
    for i, notes in enumerate(np.split(pitch.astype(np.int16), np.cumsum(length)[:-1])):
        transposed = np.where(notes > 0, notes - notes[notes > 0].min(), -1)
        pieces.setdefault(transposed.tobytes(), []).append(i)
    groups, test = list(pieces.values()), np.zeros(len(length), bool)
    for g in np.random.default_rng(SEED).permutation(len(groups)):
        if test.sum() + len(groups[g]) <= TEST_CHORALES:
            test[groups[g]] = True
    names = np.array([n.removesuffix(".mxl") for n in name])
    return {"pitch": pitch, "length": length, "name": names, "test": test}


def write(name: str, arrays: dict[str, np.ndarray]) -> None:
    plain = io.BytesIO()
    np.savez(plain, **arrays)
    packed = lzma.compress(plain.getvalue(), preset=9 | lzma.PRESET_EXTREME)
    write_atomically(OUT / f"{name}.npz.xz", packed)
    print(f"{name}.npz.xz: {len(packed):,} bytes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--from", dest="source", type=Path, required=True, metavar="FOLDER")
    source = parser.parse_args().source
    for name in COUNTS:
        write(name, cut_images(name, source))
    write("chorales", cut_chorales(source))
    lines = [f"{hashlib.sha256(f.read_bytes()).hexdigest()}  {f.name}\n" for f in sorted(OUT.glob("*.xz"))]
    write_atomically(OUT / "SHA256SUMS", "".join(lines).encode())


if __name__ == "__main__":
    main()
