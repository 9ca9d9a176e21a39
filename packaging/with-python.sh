#!/bin/sh
# Runs a script with a Python that this project can use: 3.11 to 3.14, one that can make virtual environments before
# one that cannot. $PYTHON, where set, is tried first.
#
# Every directory of the PATH is looked through, because a version manager's placeholder (pyenv's shims) may stand
# before a Python that works; a candidate counts only if it really runs.

project=$(cd "$(dirname "$0")/.." && pwd) || exit 1

# Exit status 0: fit; 3: fit, but Debian's separate python3-venv is missing; anything else: not fit.
probe='
import sys, sysconfig
if not (3, 11) <= sys.version_info[:2] <= (3, 14) or sysconfig.get_config_var("Py_GIL_DISABLED"):
    sys.exit(4)
try:
    import ensurepip, venv
except ImportError:
    sys.exit(3)
'
chosen=
without_venv=

consider() {
    "$1" -c "$probe" </dev/null >/dev/null 2>&1
    case $? in
        0) chosen=$1 ;;
        3) without_venv=${without_venv:-$1} ;;
    esac
}

if [ -n "${PYTHON:-}" ]; then
    consider "$PYTHON"
    [ "$chosen$without_venv" ] || echo "PYTHON=$PYTHON is not a Python 3.11 to 3.14 that runs: looking for another" >&2
fi
for name in python3 python3.13 python3.12 python3.11 python3.14 python; do
    rest=$PATH:
    while [ -z "$chosen" ] && [ -n "$rest" ]; do
        directory=${rest%%:*}
        rest=${rest#*:}
        # The environment that is to be set up may be what is broken.
        if [ "$directory" != "$project/.venv/bin" ] && [ -x "$directory/$name" ]; then
            consider "$directory/$name"
        fi
    done
done

chosen=${chosen:-$without_venv}
if [ -z "$chosen" ]; then
    echo "No usable Python found: Canon Explorer needs Python 3.11 to 3.14, and 'make' and 'git' beside it." >&2
    echo "On Debian 12, Ubuntu 24.04 or newer:  sudo apt-get install python3 python3-venv" >&2
    echo "One that is not on the PATH can be named:  make setup PYTHON=/where/it/is/python3.12" >&2
    exit 1
fi
exec "$chosen" "$@"
