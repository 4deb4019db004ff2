"""Feedback into nbgrader's exchange, where each student finds it by the secret that was handed in with the work."""

import fnmatch
import glob
from pathlib import Path

from nbgrader.exchange.default import ExchangeReleaseFeedback

SECRET = "submission_secret.txt"


class EachFeedback(ExchangeReleaseFeedback):
    """One student's pages after the other's: whose secret is missing, or cannot be read, keeps nobody waiting."""

    def copy_files(self):
        """Copy everyone's; then fail, with the names of those whose pages have no way back through the exchange."""
        left = []
        for folder in sorted(Path(self.coursedir.root, self.coursedir.feedback_directory).iterdir()):
            pages = folder / self.coursedir.assignment_id
            if not pages.is_dir() or not fnmatch.fnmatchcase(folder.name, self.coursedir.student_id or "*"):
                continue
            if not _secret(pages):
                left.append(folder.name)
                continue
            try:
                self.src_path = glob.escape(str(pages))  # a name is no pattern
                super().copy_files()
            except (OSError, ValueError) as error:
                self.log.warning("%s: %s", folder.name, error)
                left.append(folder.name)
        if left:
            self.fail(
                f"No feedback in the exchange for {', '.join(left)}: what they handed in did not come through it, or "
                f"without its {SECRET}. Everybody else's is there; give these pages back the way the work came."
            )


def _secret(pages: Path) -> str:
    """The secret that was handed in with the work; empty where there is none, or none that is text."""
    try:
        return (pages / SECRET).read_text()
    except (OSError, ValueError):
        return ""
