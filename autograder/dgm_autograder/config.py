"""nbgrader's settings for a course whose marks are sealed."""

from pathlib import Path

from nbconvert.preprocessors import ClearMetadataPreprocessor
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    ClearOutput,
    IgnorePattern,
    LimitOutput,
    OverwriteKernelspec,
)
from traitlets.config import Config

from dgm_autograder.restore import ForgivingExporter, Restore
from dgm_autograder.sealed import SaveSealedGrades, SealedExecute


def configure(c: Config, course: Path) -> None:
    """Call from `nbgrader_config.py`, with the folder it lies in."""
    c.CourseDirectory.root = str(course)
    c.CourseDirectory.course_id = "dgm-tutor"
    c.Autograde.exporter_class = ForgivingExporter
    c.Autograde.sanitize_preprocessors = [Restore, ClearOutput, OverwriteKernelspec, CheckCellMetadata]
    c.Autograde.autograde_preprocessors = [
        SealedExecute,
        IgnorePattern,
        ClearMetadataPreprocessor,
        LimitOutput,
        SaveSealedGrades,
        AssignLatePenalties,
        CheckCellMetadata,
    ]
    c.SealedExecute.exercises = str(course / "exercises")
