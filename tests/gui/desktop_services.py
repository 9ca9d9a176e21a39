"""What a desktop offers on its buses, in small: messages, and a lock against sleep.

Run by the system's Python, which has D-Bus: ``python3 desktop_services.py NOTES``; every call is a line of NOTES.
"""

import os
import sys

import dbus
import dbus.service
from dbus.mainloop.glib import DBusGMainLoop
from gi.repository import GLib

NOTES = open(sys.argv[1], "a", buffering=1, encoding="utf-8")  # noqa: SIM115 - as long as the program runs


class Messages(dbus.service.Object):
    """``org.freedesktop.Notifications`` as far as notify-send asks."""

    @dbus.service.method("org.freedesktop.Notifications", in_signature="susssasa{sv}i", out_signature="u")
    def Notify(self, name, _replaces, _icon, summary, body, _actions, _hints, _expires):  # noqa: N802
        NOTES.write(f"message: {name}: {summary}: {body}\n")
        return dbus.UInt32(1)

    @dbus.service.method("org.freedesktop.Notifications", out_signature="ssss")
    def GetServerInformation(self):  # noqa: N802
        return "small", "tests", "1", "1.2"

    @dbus.service.method("org.freedesktop.Notifications", out_signature="as")
    def GetCapabilities(self):  # noqa: N802
        return ["body"]


class Login(dbus.service.Object):
    """``org.freedesktop.login1`` as far as systemd-inhibit asks: the lock is held until its file is closed."""

    @dbus.service.method("org.freedesktop.login1.Manager", in_signature="ssss", out_signature="h")
    def Inhibit(self, what, who, why, mode):  # noqa: N802
        ours, theirs = os.pipe()
        NOTES.write(f"awake: {what}: {who}: {why}: {mode}\n")
        GLib.io_add_watch(ours, GLib.IO_HUP, self._released)
        handed = dbus.types.UnixFd(theirs)
        os.close(theirs)
        return handed

    @staticmethod
    def _released(_file, _condition):
        NOTES.write("may sleep\n")
        return False


DBusGMainLoop(set_as_default=True)
bus = dbus.SessionBus()
names = [dbus.service.BusName(f"org.freedesktop.{name}", bus) for name in ("Notifications", "login1")]
objects = [Messages(bus, "/org/freedesktop/Notifications"), Login(bus, "/org/freedesktop/login1")]
NOTES.write("ready\n")
GLib.MainLoop().run()
