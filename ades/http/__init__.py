"""The web face: views, dialects and pages. A view parses, authorises, acts and shapes, and nothing else."""
