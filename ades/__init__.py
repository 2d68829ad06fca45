"""An OGC API - Processes server that runs Earth-observation workflows next to the data."""

__version__ = "0.1.0"
