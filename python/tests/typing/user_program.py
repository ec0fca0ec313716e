# SPDX-License-Identifier: Apache-2.0
"""A user's typed program: mypy and pyright accept it in strict mode. It is not run."""

from typing import assert_type

import augstream as aug

assert_type(aug.__version__, str)
assert_type(aug.CONTRACT_VERSION, int)
