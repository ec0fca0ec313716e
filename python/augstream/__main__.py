# SPDX-License-Identifier: Apache-2.0
"""`python -m augstream` is the command `augstream`."""

from augstream_command import main

if __name__ == "__main__":
    main()
