cwlVersion: v1.2
$namespaces:
  s: https://schema.org/
s:softwareVersion: 1.0.0
s:license: https://www.apache.org/licenses/LICENSE-2.0
s:keywords: [sample, earth observation, water, NDWI, NDVI, STAC]

$graph:
  - class: Workflow
    id: water-mask
    label: Water and vegetation of a scene
    doc: |
      Computes spectral indices of an optical scene, marks water where the NDWI is above a threshold, and draws a
      picture. A STAC item with the bands green, red and near infrared goes in; a STAC catalogue comes out, whose item
      keeps the geometry and the time of the scene.

      Made for small scenes: it needs nothing but Python.
    requirements:
      ScatterFeatureRequirement: {}
    inputs:
      scene:
        label: Scene
        doc: A STAC item with uncompressed TIFF files of the bands green, red and nir
        type: Directory
      indices:
        label: Indices
        doc: Which spectral indices to compute, of `ndvi` and `ndwi`; the water mask needs the latter
        type: string[]
        default: [ndvi, ndwi]
      threshold:
        label: Threshold
        doc: From which NDWI on a pixel is water
        type: float
        default: 0
    outputs:
      water:
        label: Water and vegetation
        doc: A STAC catalogue with the indices, the mask and the picture
        type: Directory
        outputSource: publish/catalogue
    steps:
      index:
        label: Spectral index
        run: "#index"
        scatter: index
        in: {scene: scene, index: indices}
        out: [raster]
      mask:
        label: Water mask
        run: "#mask"
        in: {rasters: index/raster, threshold: threshold}
        out: [mask, picture, facts]
      publish:
        label: STAC catalogue
        run: "#publish"
        in: {scene: scene, rasters: index/raster, mask: mask/mask, picture: mask/picture, facts: mask/facts}
        out: [catalogue]

  - class: CommandLineTool
    id: index
    hints: &surroundings
      DockerRequirement: {dockerPull: "docker.io/library/python:3.13-slim"}
      ResourceRequirement: {coresMax: 1, ramMax: 1024}
    requirements:
      InitialWorkDirRequirement:
        listing:
          - entryname: tiff.py
            entry: &tiff |
              """Uncompressed TIFF files, read and written with nothing but Python; georeferences are kept."""
              import array, struct, sys

              KINDS = {(1, 8): "B", (1, 16): "H", (2, 16): "h", (3, 32): "f", (1, 32): "I", (3, 64): "d"}
              SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 11: 4, 12: 8}
              CODES = {1: "B", 3: "H", 4: "I", 11: "f", 12: "d"}
              GEO = (33550, 33922, 34264, 34735, 34736, 34737)
              MOST = 25_000_000


              def read(path):
                  """Width, height, values row by row, and the tags that say where on Earth it lies."""
                  with open(path, "rb") as file:
                      data = file.read()
                  order = {b"II": "<", b"MM": ">"}.get(data[:2])
                  if order is None or struct.unpack(order + "H", data[2:4])[0] != 42:
                      sys.exit(f"{path} is not a TIFF file that can be read here.")
                  tags = dict(entries(data, order))
                  width, height = tags[256][0], tags[257][0]
                  if tags.get(259, (1,))[0] != 1:
                      sys.exit(f"{path} is compressed; write it anew without compression.")
                  if width * height > MOST:
                      sys.exit(f"{path} has {width} x {height} pixels; this sample takes {MOST} at most.")
                  kind = KINDS.get((tags.get(339, (1,))[0], tags.get(258, (1,))[0]))
                  if kind is None or tags.get(277, (1,))[0] != 1:
                      sys.exit(f"{path} has pixels of a kind that is not read here; one band of numbers is wanted.")
                  values = array.array(kind)
                  for start, length in zip(tags[273], tags.get(279, (len(data),))):
                      values.frombytes(data[start:start + length])
                  if (order == ">") != (sys.byteorder == "big"):
                      values.byteswap()
                  return width, height, values[:width * height], {tag: tags[tag] for tag in GEO if tag in tags}


              def entries(data, order):
                  place = struct.unpack(order + "I", data[4:8])[0]
                  count = struct.unpack(order + "H", data[place:place + 2])[0]
                  for number in range(count):
                      entry = data[place + 2 + 12 * number:place + 14 + 12 * number]
                      tag, kind, length = struct.unpack(order + "HHI", entry[:8])
                      size = SIZES.get(kind, 1) * length
                      start = struct.unpack(order + "I", entry[8:])[0]
                      raw = entry[8:8 + size] if size <= 4 else data[start:start + size]
                      if kind == 2:
                          yield tag, raw
                      elif kind in CODES:
                          yield tag, struct.unpack(order + CODES[kind] * length, raw)


              def write(path, width, height, values, geo):
                  """One band in one strip, little-endian."""
                  sample = {"B": (1, 8), "f": (3, 32)}[values.typecode]
                  fields = {256: (4, (width,)), 257: (4, (height,)), 258: (3, (sample[1],)), 259: (3, (1,)),
                            262: (3, (1,)), 277: (3, (1,)), 278: (4, (height,)), 339: (3, (sample[0],))}
                  for tag, content in geo.items():
                      kind = 2 if isinstance(content, bytes) else 3 if tag == 34735 else 12
                      fields[tag] = (kind, content)
                  pixels = array.array(values.typecode, values)
                  if sys.byteorder == "big":
                      pixels.byteswap()
                  body = pixels.tobytes()
                  fields[273], fields[279] = (4, (8,)), (4, (len(body),))
                  start = 8 + len(body) + len(body) % 2
                  extra_at, extra, rows = start + 2 + 12 * len(fields) + 4, b"", b""
                  for tag in sorted(fields):
                      kind, content = fields[tag]
                      raw = content if kind == 2 else struct.pack("<" + CODES[kind] * len(content), *content)
                      rows += struct.pack("<HHI", tag, kind, len(content))
                      if len(raw) <= 4:
                          rows += raw.ljust(4, b"\0")
                      else:
                          rows += struct.pack("<I", extra_at + len(extra))
                          extra += raw + b"\0" * (len(raw) % 2)
                  with open(path, "wb") as file:
                      file.write(b"II" + struct.pack("<HI", 42, start) + body + b"\0" * (len(body) % 2))
                      file.write(struct.pack("<H", len(fields)) + rows + struct.pack("<I", 0) + extra)
          - entryname: stac.py
            entry: &stac |
              """Finds the item of a staged scene and the files of its bands."""
              import json, os, sys
              from urllib.parse import unquote, urlsplit


              def item(folder):
                  """The first item below a catalogue, and the folder in which it lies."""
                  path = os.path.join(folder, "catalog.json")
                  if not os.path.exists(path):
                      sys.exit(f"There is no catalog.json in the scene; it has {', '.join(sorted(os.listdir(folder)))}.")
                  for _ in range(8):
                      with open(path) as file:
                          found = json.load(file)
                      if found.get("type") == "Feature":
                          return found, os.path.dirname(path)
                      below = [link["href"] for link in found.get("links", []) if link.get("rel") in ("item", "child")]
                      if not below:
                          break
                      path = local(os.path.dirname(path), below[0])
                  sys.exit("The catalogue of the scene leads to no item.")


              def local(folder, href):
                  path = unquote(urlsplit(href).path) if href.startswith("file:") else href
                  return path if os.path.isabs(path) else os.path.normpath(os.path.join(folder, path))


              def band(found, folder, name):
                  """The file of a band, by its common name or by the name of the asset."""
                  for key, asset in found["assets"].items():
                      bands = asset.get("eo:bands", []) + asset.get("bands", [])
                      names = [entry.get("common_name", entry.get("eo:common_name")) for entry in bands]
                      if name in names or key.lower() == name:
                          return local(folder, asset["href"])
                  sys.exit(f"The item {found['id']} has no band {name}; it has {', '.join(found['assets'])}.")
          - entryname: index.py
            entry: |
              import array, sys
              import stac, tiff

              PAIRS = {"ndvi": ("nir", "red"), "ndwi": ("green", "nir")}
              name = sys.argv[2]
              if name not in PAIRS:
                  sys.exit(f"There is no index {name} here; there are {', '.join(PAIRS)}.")
              found, folder = stac.item(sys.argv[1])
              (width, height, first, geo), (_, _, second, _) = (
                  tiff.read(stac.band(found, folder, band)) for band in PAIRS[name])
              if len(first) != len(second):
                  sys.exit(f"The bands of {found['id']} are not of the same size.")
              values = array.array("f", ((a - b) / (a + b) if a + b else 0.0 for a, b in zip(first, second)))
              tiff.write(f"{name}.tif", width, height, values, geo)
              print(f"{name} of {found['id']}: {width} x {height} pixels, {min(values):.2f} to {max(values):.2f}")
    baseCommand: [python3, index.py]
    inputs:
      scene: {type: Directory, inputBinding: {position: 1}}
      index: {type: string, inputBinding: {position: 2}}
    outputs:
      raster:
        type: File
        format: https://www.iana.org/assignments/media-types/image/tiff
        outputBinding: {glob: "*.tif"}

  - class: CommandLineTool
    id: mask
    hints: *surroundings
    requirements:
      InitialWorkDirRequirement:
        listing:
          - {entryname: tiff.py, entry: *tiff}
          - entryname: mask.py
            entry: |
              import array, json, os, struct, sys, zlib
              import tiff

              threshold = float(sys.argv[1])
              rasters = {os.path.splitext(os.path.basename(path))[0]: tiff.read(path) for path in sys.argv[2:]}
              if "ndwi" not in rasters:
                  sys.exit(f"The water mask needs the NDWI; there is {', '.join(rasters) or 'nothing'}.")
              width, height, ndwi, geo = rasters["ndwi"]
              mask = array.array("B", (1 if value > threshold else 0 for value in ndwi))
              tiff.write("mask.tif", width, height, mask, geo)


              def colour(water, green):
                  if water:
                      return 40, 96, 190
                  part = min(1.0, max(0.0, (green + 0.1) / 0.9))
                  return int(205 - 165 * part), int(185 - 50 * part), int(140 - 90 * part)


              green = rasters["ndvi"][2] if "ndvi" in rasters else [-value for value in ndwi]
              large = max(1, 384 // max(width, height))  # small scenes are drawn larger
              rows = b"".join(
                  (b"\0" + b"".join(bytes(colour(mask[at], green[at])) * large for at in range(y * width, y * width + width)))
                  * large for y in range(height))


              def chunk(kind, content):
                  return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


              with open("picture.png", "wb") as file:
                  file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width * large, height * large, 8, 2, 0, 0, 0))
                             + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))
              share = round(100 * sum(mask) / len(mask), 2)
              with open("facts.json", "w") as file:
                  json.dump({"water_percent": share, "ndwi_threshold": threshold}, file)
              print(f"{share} % of {width} x {height} pixels are water")
    baseCommand: [python3, mask.py]
    inputs:
      threshold: {type: float, inputBinding: {position: 1}}
      rasters: {type: "File[]", inputBinding: {position: 2}}
    outputs:
      mask: {type: File, outputBinding: {glob: mask.tif}}
      picture: {type: File, outputBinding: {glob: picture.png}}
      facts: {type: File, outputBinding: {glob: facts.json}}

  - class: CommandLineTool
    id: publish
    hints: *surroundings
    requirements:
      InitialWorkDirRequirement:
        listing:
          - {entryname: stac.py, entry: *stac}
          - entryname: publish.py
            entry: |
              import datetime, json, os, shutil, sys
              import stac

              TITLES = {"ndvi": "Normalised difference vegetation index", "ndwi": "Normalised difference water index",
                        "mask": "Water (1) and land (0)"}
              TIFF, PNG = "image/tiff; application=geotiff", "image/png"
              folder, facts, picture, *rasters = sys.argv[1:]
              source, _ = stac.item(folder)
              with open(facts) as file:
                  known = json.load(file)
              name = source["id"] + "-water"
              os.makedirs(os.path.join("out", name))
              assets = {}
              for path in rasters:
                  key = os.path.splitext(os.path.basename(path))[0]
                  shutil.copy(path, os.path.join("out", name, key + ".tif"))
                  assets[key] = {"href": key + ".tif", "type": TIFF, "title": TITLES.get(key, key), "roles": ["data"]}
              shutil.copy(picture, os.path.join("out", name, "picture.png"))
              assets["picture"] = {"href": "picture.png", "type": PNG, "title": "Picture", "roles": ["overview", "thumbnail"]}
              kept = ("datetime", "start_datetime", "end_datetime", "platform", "constellation", "instruments", "gsd",
                      "proj:epsg", "proj:code")
              properties = {key: source["properties"][key] for key in kept if key in source["properties"]}
              properties["created"] = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
              properties["processing:software"] = {"water-mask": "1.0.0"}
              item = {
                  "type": "Feature", "stac_version": "1.0.0",
                  "stac_extensions": ["https://stac-extensions.github.io/processing/v1.2.0/schema.json"],
                  "id": name, "geometry": source["geometry"], "properties": {**properties, **known},
                  "links": [{"rel": "root", "href": "../catalog.json", "type": "application/json"},
                            {"rel": "parent", "href": "../catalog.json", "type": "application/json"}],
                  "assets": assets,
              }
              if source.get("bbox"):
                  item["bbox"] = source["bbox"]
              catalogue = {
                  "type": "Catalog", "stac_version": "1.0.0", "id": "water", "title": "Water and vegetation",
                  "description": f"Water and vegetation of the scene {source['id']}.",
                  "links": [{"rel": "root", "href": "catalog.json", "type": "application/json"},
                            {"rel": "item", "href": f"{name}/{name}.json", "type": "application/geo+json"}],
              }
              for path, document in ((os.path.join(name, name + ".json"), item), ("catalog.json", catalogue)):
                  with open(os.path.join("out", path), "w") as file:
                      json.dump(document, file, indent=2)
    baseCommand: [python3, publish.py]
    inputs:
      scene: {type: Directory, inputBinding: {position: 1}}
      facts: {type: File, inputBinding: {position: 2}}
      picture: {type: File, inputBinding: {position: 3}}
      mask: {type: File, inputBinding: {position: 4}}
      rasters: {type: "File[]", inputBinding: {position: 5}}
    outputs:
      catalogue: {type: Directory, outputBinding: {glob: out}}
