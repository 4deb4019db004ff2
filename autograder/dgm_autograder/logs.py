"""What is logged about students."""

import logging

from dgm_autograder.restore import printable


class PlainLog(logging.Filter):
    """No name or message of a student's sends an escape code to a terminal."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always true; the record is rewritten."""
        record.msg, record.args = printable(record.getMessage()), None
        return True


LOG = logging.getLogger("dgm_autograder")  # of processes that run and judge: they may be on other machines
LOG.addFilter(PlainLog())
