# SPDX-License-Identifier: LGPL-2.1-or-later
"""An unmodified libvirtd to compare with, in a directory of its own."""
import os
import signal
import subprocess

from vmgrd_daemon import check, listens, until

NOBODY = 65534


class Libvirtd:
    """A private one, of an ordinary user where that can be: it touches nothing of the host."""

    def __init__(self, root, options=(), **keys):
        self.socket = os.path.join(root, "sock", "libvirt-sock")
        self.log = os.path.join(root, "log")
        config = os.path.join(root, "libvirtd.conf")
        for name in ("", "sock", "run"):
            os.makedirs(os.path.join(root, name), 0o700)
        with open(config, "w", encoding="utf-8") as out:
            out.write(f'unix_sock_dir = "{root}/sock"\nauth_unix_ro = "none"\n'
                      f'auth_unix_rw = "none"\nlog_outputs = "3:stderr"\n')
            out.writelines(f"{key} = {value}\n" for key, value in keys.items())
        user = {}
        if os.geteuid() == 0:
            os.chmod(os.path.dirname(root), 0o755)
            for name in ("", "sock", "run", "libvirtd.conf"):
                os.chown(os.path.join(root, name), NOBODY, NOBODY)
            user = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        env = {**os.environ, "HOME": root, "XDG_RUNTIME_DIR": os.path.join(root, "run")}
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                ["/usr/sbin/libvirtd", "-f", config, "-p", os.path.join(root, "pid"),
                 *options], env=env,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, **user)
        until(lambda: listens(self.socket) or self.process.poll() is not None, "libvirtd listens",
              60)
        with open(self.log, encoding="utf-8") as log:
            check(self.process.poll() is None, "libvirtd runs: " + log.read()[-2000:])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
