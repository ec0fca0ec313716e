# SPDX-License-Identifier: Apache-2.0
"""The console script `augstream`: replaces this process by the command that the package brings.

It stands beside the package: importing the package imports NumPy, which the command does not need.
"""

import importlib.util
import os
import sys
from typing import NoReturn


def find_command() -> str:
    """Answers the path of the command in the installed package."""
    spec = importlib.util.find_spec("augstream")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    for folder in folders:
        path = os.path.join(folder, "_bin", "augstream")
        if os.path.isfile(path):
            return path
    sys.exit(f"augstream: the command is missing from {', '.join(folders) or 'no folder'}; install augstream again")


def main() -> NoReturn:
    path = find_command()
    try:
        os.execv(path, ["augstream", *sys.argv[1:]])
    except OSError as error:
        sys.exit(f"augstream: {path} cannot be run: {error.strerror}")
