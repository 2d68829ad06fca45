"""The files area of a workspace: `/{workspace}/files/…`. What lies there is an input by its address."""

from ades.http.files.routes import ROUTES

__all__ = ["ROUTES"]
