# SPDX-License-Identifier: Apache-2.0
"""The files of the tree, for checks in Python. Imported, never run."""
import subprocess
from pathlib import Path

TREE = Path(__file__).resolve().parent.parent


def files_of_tree():
    """What git knows; without git all that is not built."""
    try:
        listed = subprocess.run(['git', 'ls-files'], cwd=TREE, check=True, capture_output=True, text=True).stdout.split('\n')
    except (OSError, subprocess.CalledProcessError):
        listed = [str(path.relative_to(TREE)) for path in TREE.rglob('*') if path.is_file()]
    return sorted(file for file in listed if file and not file.startswith(('build/', '.git/')))
