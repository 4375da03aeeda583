"""`python3 -m deploy.npm ARGUMENTS`: npm in the frontend's folder, with the Node that the set-up chose."""

import os
import sys

from deploy.setup.frontend import FOLDER, environment

if __name__ == "__main__":
    os.chdir(FOLDER)
    os.environ.update(environment())
    os.execvp("npm", ["npm", *sys.argv[1:]])  # noqa: S606 - the caller's own arguments
