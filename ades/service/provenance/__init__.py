"""How the results of a job came about, from our own rows: as W3C PROV, and as an RO-Crate to take away.

Rows are facts: what was asked, which package ran, which steps there were and when, what came out. Nothing is
reconstructed. What is not known (the checksum of what lay elsewhere, the programs of a job of long ago) is left out.
"""

from ades.service.provenance.facts import Facts, Given, Histories

__all__ = ["Facts", "Given", "Histories"]
