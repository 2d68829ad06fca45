"""A small STAC API over the results of a workspace, made from rows.

It stands at `/{workspace}/stac`, and in the dialect of the EODH below the workspace's own address, where the tree
`catalogs/processing-results/catalogs/<process>/catalogs/<job>` narrows it to a process or a job. What is in it comes
with the job that is successful and goes with the job that is removed.
"""

from ades.http.stac.routes import AREA, ROUTES

__all__ = ["AREA", "ROUTES"]
