"""`fairlead`, or a file, in an environment that lacks what Fairlead needs: looked for behind what the environment has.

PYTHON beside.py FOLDER… -- serve SOURCE …     or     PYTHON beside.py FOLDER… -- FILE.py …
"""

import runpy
import sys

cut = sys.argv.index("--")
sys.path += sys.argv[1:cut]
sys.argv = sys.argv[cut + 1 :]
if sys.argv[0].endswith(".py"):
    runpy.run_path(sys.argv[0], run_name="__main__")
else:
    from fairlead.cli import main

    sys.exit(main(sys.argv))
