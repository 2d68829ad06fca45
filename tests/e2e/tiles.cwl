cwlVersion: v1.2
$graph:
- class: Workflow
  id: tiles
  label: Tiles to table
  doc: Makes a table and a picture from some names.
  requirements: [{class: ScatterFeatureRequirement}, {class: StepInputExpressionRequirement}]
  inputs:
    names: {type: 'string[]', label: Names, default: [Disko, Nuuk, Thule, Qaqortoq]}
    seconds: {type: int, default: 2}
    fail: {type: boolean, default: false}
  outputs:
    table: {type: File, outputSource: join/table, format: iana:text/csv}
    where: {type: File, outputSource: join/where, format: iana:application/geo+json}
    report: {type: File, outputSource: join/report}
    picture: {type: File, outputSource: join/picture, format: iana:image/png}
  steps:
    measure: {run: '#measure', scatter: name, in: {name: names, seconds: seconds, fail: fail}, out: [line]}
    join: {run: '#join', in: {lines: measure/line}, out: [table, where, report, picture]}
- class: CommandLineTool
  id: measure
  baseCommand: [sh, -c, 'echo "Measuring $0 …" >&2; sleep $1; test "$2" = no || { echo "No scene covers $0." >&2; exit 3; }; printf "%s,%d\n" "$0" $((${#0} * 117)) > line.csv']
  inputs:
    name: {type: string, inputBinding: {position: 1}}
    seconds: {type: int, inputBinding: {position: 2}}
    fail: {type: boolean, inputBinding: {position: 3, valueFrom: '$(self ? "yes" : "no")'}}
  requirements: [{class: InlineJavascriptRequirement}]
  outputs: {line: {type: File, outputBinding: {glob: line.csv}}}
- class: CommandLineTool
  id: join
  baseCommand: [python3, join.py]
  requirements:
    InitialWorkDirRequirement:
      listing:
      - entryname: join.py
        entry: |
          import json, struct, sys, zlib
          lines = [open(name).read() for name in sys.argv[1:]]
          open("table.csv", "w").write("name,area\n" + "".join(lines))
          open("report.txt", "w").write(f"All is well: {len(lines)} names.\n")
          box = lambda w, s, e, n: [[[w, s], [e, s], [e, n], [w, n], [w, s]]]
          f = lambda i, g: {"type": "Feature", "id": i, "properties": {}, "geometry": g}
          json.dump({"type": "FeatureCollection", "features": [
              f("Disko", {"type": "Polygon", "coordinates": box(-54.9, 69.2, -51.8, 70.3)}),
              f("Nuuk", {"type": "Point", "coordinates": [-51.7, 64.2]})]}, open("where.geojson", "w"))
          w, h = 480, 240
          raw = b"".join(b"\0" + bytes(v for x in range(w) for v in (40 + x * 120 // w, 90 + y * 150 // h, 160 - x * 90 // w)) for y in range(h))
          c = lambda t, d: struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d))
          open("p.png", "wb").write(b"\x89PNG\r\n\x1a\n" + c(b"IHDR", struct.pack(">IIBBBBB", w, h, 8, 2, 0, 0, 0)) + c(b"IDAT", zlib.compress(raw)) + c(b"IEND", b""))
  inputs: {lines: {type: 'File[]', inputBinding: {position: 1}}}
  outputs:
    table: {type: File, outputBinding: {glob: table.csv}, format: iana:text/csv}
    where: {type: File, outputBinding: {glob: where.geojson}, format: iana:application/geo+json}
    report: {type: File, outputBinding: {glob: report.txt}}
    picture: {type: File, outputBinding: {glob: p.png}, format: iana:image/png}
$namespaces: {iana: 'https://www.iana.org/assignments/media-types/', s: 'https://schema.org/'}
s:softwareVersion: 0.3.0
