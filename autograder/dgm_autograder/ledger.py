"""One gradebook for a whole run, in the place of the nine that nbgrader opens for each submission.

What a step changes, such as all marks of a notebook, is committed at once: a run that is killed leaves the old ones or
the new ones.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from nbgrader.api import Gradebook


class Held(Gradebook):
    """A gradebook that nbgrader's steps open, commit to and close without effect, until `keep`."""

    def __init__(self, db_url: str, course_id: str):
        super().__init__(db_url, course_id)
        self.db.commit = self._settle
        self._let_go()

    def keep(self) -> None:
        """Commit what the steps did."""
        self.db().commit()
        self._let_go()

    def undo(self) -> None:
        """Forget what they did since."""
        self._let_go()

    def close(self) -> None:
        """Nothing yet: the next step goes on with it."""

    def _settle(self) -> None:
        """What a commit does for whoever goes on: all is written, and read anew."""
        self.db.flush()
        self.db.expire_all()

    def _let_go(self) -> None:
        """Hold no connection: others may write, and processes that are forked now inherit none."""
        super().close()


_held: dict[str, Held] = {}


@contextmanager
def hold(db_url: str, course_id: str) -> Iterator[Held]:
    """While this lasts, `gradebook` gives this one."""
    _held[db_url] = Held(db_url, course_id)
    try:
        yield _held[db_url]
    finally:
        _held.pop(db_url).undo()


def gradebook(db_url: str, course_id: str = "default_course") -> Gradebook:
    """What nbgrader's steps open, each for itself: the gradebook that is held, or one of their own."""
    return _held.get(db_url) or Gradebook(db_url, course_id)
