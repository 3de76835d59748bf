"""Becomes another program, which the kernel kills when the process that started it dies.

Run as a script, with the number of that process and the program's arguments: a process that has threads, as gRPC's,
cannot safely do this itself between fork and exec.
"""

import ctypes
import os
import signal
import sys

SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG in prctl(2); it stays through exec.

if __name__ == "__main__":
    ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != int(sys.argv[1]):
        sys.exit("the process that started this one died at once")
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606  No shell, and every argument is our own.
