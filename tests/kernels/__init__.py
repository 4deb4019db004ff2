import sys

import pytest

linux = pytest.mark.skipif(sys.platform != "linux", reason="there is no Triton for this system")
