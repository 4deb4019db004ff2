"""Sealed grading for dgm-tutor: marks come from a process that never ran a student's line."""

__version__ = "0.1.0"
