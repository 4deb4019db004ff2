"""What students find in the place of a solution."""

import re

from nbformat import NotebookNode
from nbgrader.preprocessors import ClearSolutions

# An answer that is no function, as exercise.py begins it, with nbgrader's stub behind it.
VALUE = re.compile(r"^(\w+ = None\n# YOUR CODE HERE)\nraise NotImplementedError\(\)$", re.MULTILINE)


class Stubs(ClearSolutions):
    """nbgrader's stubs, but a value stays None: raised outside a function, an error would end Run All at once."""

    def preprocess_cell(self, cell: NotebookNode, resources: dict, cell_index: int):
        """Put the stub into one cell."""
        cell, resources = super().preprocess_cell(cell, resources, cell_index)
        cell.source = VALUE.sub(r"\1", cell.source)
        return cell, resources
