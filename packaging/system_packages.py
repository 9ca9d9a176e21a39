"""Installs packages of Debian and Ubuntu where the user is root; else prints the line that does."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess

from telling import say


def install(names: list[str]) -> bool:
    """Install the packages, saying so first, and return whether that was done.

    Without root's rights nothing is tried (a password asked for in the middle of ``make`` helps nobody): the exact
    line is printed.
    """
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *names]
    if shutil.which("apt-get") is None:
        say(f"install with this system's package manager what Debian calls: {' '.join(names)}")
        return False
    if os.geteuid() != 0:
        say(f"to install what is missing, run:\n\n    sudo {shlex.join(command)}\n")
        return False
    say(f"installing what is missing, as root:\n\n    {shlex.join(command)}\n")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # A fresh machine has no package lists yet; where one of several sources fails, the others may still do.
    subprocess.run(["apt-get", "update", "-qq"], env=environment, stdout=subprocess.DEVNULL, check=False)
    quiet = ["apt-get", "-qq", "-o", "Dpkg::Use-Pty=0", *command[1:]]
    if subprocess.run(quiet, env=environment, stdout=subprocess.DEVNULL, check=False).returncode != 0:
        say(f"apt-get failed; by hand:\n\n    apt-get update && {shlex.join(command)}\n")
        return False
    return True
