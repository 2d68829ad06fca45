"""The reference implementation agrees: what is compiled here loads there, with its own checks of links and types."""

import json
import logging

import pytest

from ades import shipped
from tests.unit.recipe.test_golden import PACKAGES, compiled

load_tool = pytest.importorskip("cwltool.load_tool", reason="cwltool is not installed")
from cwltool.context import LoadingContext  # noqa: E402
from cwltool.workflow import default_make_tool  # noqa: E402


def load(executable, folder):
    """Load it as a runner does."""
    logging.getLogger("cwltool").setLevel(logging.ERROR)
    file = folder / "package.cwl"
    file.write_text(json.dumps(executable["document"]))
    context = LoadingContext({"construct_tool_object": default_make_tool, "strict": True, "skip_schemas": True})
    return load_tool.load_tool(f"{file.as_uri()}#{executable['entry']}", context)


@pytest.mark.parametrize("path", sorted(shipped.folder("cwl").glob("*.cwl")), ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore")
def test_the_reference_implementation_loads_the_shipped_packages(path, tmp_path):
    """As they are written, and as they are compiled."""
    found = compiled(path)
    load(found.executable, tmp_path)
    context = LoadingContext({"construct_tool_object": default_make_tool, "strict": True, "skip_schemas": True})
    logging.getLogger("cwltool").setLevel(logging.ERROR)
    load_tool.load_tool(f"{path.as_uri()}#{found.entry}", context)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", PACKAGES, ids=lambda path: path.stem)
def test_the_reference_implementation_loads_it(path, tmp_path):
    """Same inputs, same outputs, in the same order, nothing to complain about."""
    found = compiled(path)
    tool = load(found.executable, tmp_path)
    for ports, key in (("inputs", "inputs"), ("outputs", "outputs")):
        names = [port["id"].rpartition("#")[2].rpartition("/")[2] for port in tool.tool[key]]
        assert list(found.description[ports]) == names
