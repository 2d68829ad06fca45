"""stac-api-validator with the schemas that pystac brings along, in place of those on the web.

Run as a program with the arguments of the validator. The schemas of 1.1 stand for those of 1.0, which what we write fits
as well; schemas of extensions are not looked at.
"""

import json
import re
import sys
from pathlib import Path

import pystac.validation
import stac_validator.fast_validator
import stac_validator.utilities
from stac_api_validator.__main__ import main

SCHEMAS = Path(pystac.validation.__file__).parent / "jsonschemas"


def schema(address: str) -> object:
    """The schema at an address, from this machine."""
    found = re.match(r"https://schemas\.stacspec\.org/v([^/]+)/.*?/([\w-]+)\.json", address)
    if found:
        text = (SCHEMAS / "stac-spec/v1.1.0" / f"{found[2]}.json").read_text()
        version = f'"const": "{found[1]}"'
        return json.loads(text.replace('"const": "1.1.0"', version).replace("v1.1.0/", f"v{found[1]}/"))
    found = re.match(r"https?://geojson\.org/schema/(\w+)\.json", address)
    return json.loads((SCHEMAS / f"geojson/{found[1]}.json").read_text()) if found else {}


if __name__ == "__main__":
    stac_validator.fast_validator.fetch_schema = schema
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith("stac_validator") and hasattr(module, "fetch_and_parse_schema"):
            module.fetch_and_parse_schema = schema
    stac_validator.utilities._schema_cache = schema
    main()
