"""A contract for import-linter: who may import a third-party package directly."""

from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class Fence(Contract):
    """Only the modules in `inside` (and what lies below them) import any of `packages`."""

    packages = fields.ListField(subfield=fields.StringField())
    inside = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: FBT001 - import-linter's signature
        importers = {
            (importer, package)
            for package in self.packages
            if package in graph.modules
            for importer in graph.find_modules_that_directly_import(package)
        }
        outside = sorted(
            (importer, package)
            for importer, package in importers
            if not any(importer == home or importer.startswith(f"{home}.") for home in self.inside)
        )
        return ContractCheck(kept=not outside, metadata={"outside": outside})

    def render_broken_contract(self, check: Any) -> None:
        for importer, package in check.metadata["outside"]:
            output.print_error(f"{importer} imports {package}, which belongs behind {', '.join(self.inside)}.")
