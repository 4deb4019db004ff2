"""The wheel is small, whole, and decodes a digit in an environment that has nothing else."""

import zipfile

import pytest

pytestmark = pytest.mark.package


def test_the_wheel_is_small_and_holds_licences_data_and_weights(wheel):
    assert wheel.stat().st_size <= 25e6
    names = zipfile.ZipFile(wheel).namelist()
    for part in ("/licenses/LICENSE", "/licenses/LICENSE-COURSE", "dgm_tutor/data/files/", "dgm_tutor/weights/"):
        assert any(part in name for name in names), part
    assert not [name for name in names if name.startswith(("tests/", "scripts/", "lecture12/"))]


def test_it_decodes_digits_in_a_clean_environment(root, wheel, fresh, tmp_path, execute):
    venv = fresh(wheel, pins=root / "constraints.txt")
    said = execute(venv / "bin" / "python", "-I", root / "tests" / "package" / "decode_digit.py", cwd=tmp_path)
    assert "decoded digits" in said
    assert "dgm-tutor" in execute(venv / "bin" / "dgm-tutor", "--help", cwd=tmp_path)
