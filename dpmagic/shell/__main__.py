"""``python -m dpmagic.shell``: the ``dpmagic`` command."""

import sys

from dpmagic.shell import main

sys.exit(main())
