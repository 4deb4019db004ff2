"""The instructor's desk: what `dgm-tutor class` does beside nbgrader's own commands."""
