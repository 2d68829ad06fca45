"""What a server on a laptop does not need, it does not load."""

import json
import subprocess
import sys

_ASK = """
import json, sys
from pathlib import Path
from ades.app import create_app, prepare
from ades.settings import Settings
settings = Settings(data=Path(sys.argv[1]), log_level="error")
prepare(settings)
client = create_app(settings).test_client()
paths = ["/", "/readyz", "/metrics", *(f"/demo/ogc-api{path}" for path in
         ("", "/conformance", "/api", "/processes", "/processes/echo"))]
answers = [client.get(path, headers={"Accept": kind}).status_code for path in paths for kind in ("*/*", "text/html")]
print(json.dumps({"answers": answers, "modules": sorted({name.partition(".")[0] for name in sys.modules})}))
"""
HEAVY = {"kubernetes", "boto3", "botocore", "pygeoapi", "cwltool", "schema_salad", "pystac", "pandas", "rasterio"}


def test_serving_imports_nothing_heavy(tmp_path):
    asked = subprocess.run(
        [sys.executable, "-c", _ASK, str(tmp_path)], capture_output=True, text=True, check=True, timeout=60
    )
    found = json.loads(asked.stdout)

    assert {200} == set(found["answers"])
    assert set() == HEAVY & set(found["modules"])
