"""Jobs on this machine: forked from a warm parent, each in a sandbox of its own."""

from ades.engine.local.engine import LocalEngine
from ades.engine.local.hidden import why_not
from ades.engine.local.probe import Found, Isolation, probe

__all__ = ["Found", "Isolation", "LocalEngine", "probe", "why_not"]
