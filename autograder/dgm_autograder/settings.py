"""What `config.configure` sets: importing it takes a second."""

from pathlib import Path

from nbconvert.preprocessors import ClearMetadataPreprocessor, CSSHTMLHeaderPreprocessor
from nbgrader.converters import GenerateAssignment
from nbgrader.preprocessors import (
    AssignLatePenalties,
    ClearOutput,
    ClearSolutions,
    IgnorePattern,
    LimitOutput,
    OverwriteKernelspec,
)
from traitlets.config import Config

from dgm_autograder import audit
from dgm_autograder.clean import CleanComments, CleanOutput, HideTests
from dgm_autograder.collect import PlainCollect, PlainExtractor
from dgm_autograder.converters import install
from dgm_autograder.feedback import Grades
from dgm_autograder.giveback import EachFeedback
from dgm_autograder.restore import Restore
from dgm_autograder.sealed import SaveSealedGrades, SealedExecute
from dgm_autograder.stubs import Stubs
from dgm_autograder.teaching.late import POLICY, LateDays


def apply(c: Config, course: Path) -> None:
    """Put the steps of sealed grading into the place of nbgrader's."""
    c.CourseDirectory.root = str(course)
    c.CourseDirectory.course_id = "dgm-tutor"
    install()
    audit.install()
    c.ExchangeFactory.collect = PlainCollect
    c.ExchangeFactory.release_feedback = EachFeedback
    c.ZipCollectApp.extractor_plugin = PlainExtractor
    steps = GenerateAssignment.preprocessors.default()
    c.GenerateAssignment.preprocessors = [Stubs if step is ClearSolutions else step for step in steps]
    c.Autograde.sanitize_preprocessors = [Restore, ClearOutput, OverwriteKernelspec]  # what Restore builds is whole
    c.Autograde.autograde_preprocessors = [
        SealedExecute,
        IgnorePattern,
        ClearMetadataPreprocessor,
        LimitOutput,
        CleanOutput,
        SaveSealedGrades,
        AssignLatePenalties,
    ]
    c.GenerateFeedback.preprocessors = [HideTests, Grades, CleanComments, CSSHTMLHeaderPreprocessor]
    c.SealedExecute.exercises = str(course / "exercises")
    if (course / POLICY).is_file():
        c.AssignLatePenalties.plugin_class = LateDays
