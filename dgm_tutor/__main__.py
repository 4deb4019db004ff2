"""``python -m dgm_tutor``."""

import sys

from dgm_tutor.cli import main

sys.exit(main())
