cwlVersion: v1.2
$namespaces:
  s: https://schema.org/
schemas:
  - http://schema.org/version/9.0/schemaorg-current-http.rdf
s:softwareVersion: 3.1.4
s:author:
  - class: s:Person
    s:name: Jane Doe
    s:affiliation: Example Observatory
s:keywords: [earth observation, discovery]
$graph:
- class: Workflow
  id: eoap-12
  label: Several steps with custom types
  doc: Dates, boxes and features in, a STAC catalogue out.
  requirements:
    - class: InlineJavascriptRequirement
    - class: ScatterFeatureRequirement
    - class: StepInputExpressionRequirement
    - class: SchemaDefRequirement
      types:
        - $import: https://raw.githubusercontent.com/eoap/schemas/main/string_format.yaml
        - $import: https://raw.githubusercontent.com/eoap/schemas/main/geojson.yaml
        - $import: https://raw.githubusercontent.com/eoap/schemas/main/ogc.yaml
        - $import: https://raw.githubusercontent.com/eoap/schemas/main/stac.yaml
  inputs:
    item: {type: Directory, label: Scene}
    day: {type: "https://raw.githubusercontent.com/eoap/schemas/main/string_format.yaml#Date", label: Day}
    since: {type: ["null", "https://raw.githubusercontent.com/eoap/schemas/main/string_format.yaml#DateTime"]}
    source: {type: "https://raw.githubusercontent.com/eoap/schemas/main/string_format.yaml#URI"}
    ids: {type: {type: array, items: "https://raw.githubusercontent.com/eoap/schemas/main/string_format.yaml#UUID"}}
    bbox: {type: "https://raw.githubusercontent.com/eoap/schemas/main/ogc.yaml#BBox", doc: Where}
    aoi: {type: "https://raw.githubusercontent.com/eoap/schemas/main/geojson.yaml#Feature"}
    zones: {type: "https://raw.githubusercontent.com/eoap/schemas/main/geojson.yaml#FeatureCollection?"}
    like: {type: "https://raw.githubusercontent.com/eoap/schemas/main/stac.yaml#Item?"}
    bands: {type: "string[]", default: [green, nir]}
    epsg: {type: string, default: "EPSG:4326"}
  outputs:
    water: {type: Directory, outputSource: collect/catalogue}
    bounds: {type: "https://raw.githubusercontent.com/eoap/schemas/main/ogc.yaml#BBox", outputSource: bbox}
  steps:
    crop:
      run: "#crop"
      scatter: band
      in:
        item: item
        band: bands
        aoi: {source: bbox, valueFrom: '$(self.bbox.join(","))'}
        epsg: epsg
      out: [cropped]
    wrap:
      run: "#wrap"
      in: {files: crop/cropped}
      out: [folder]
    collect:
      run: "#stac"
      in: {items: {source: [item, wrap/folder], linkMerge: merge_flattened}}
      out: [catalogue]
- class: CommandLineTool
  id: wrap
  requirements: {ResourceRequirement: {coresMax: 1, ramMax: 64}}
  hints: {DockerRequirement: {dockerPull: "docker.io/library/busybox:1.36.1"}}
  baseCommand: [sh, -euc, 'mkdir out; cp "$@" out', wrap]
  inputs: {files: {type: "File[]", inputBinding: {position: 1}}}
  outputs: {folder: {type: Directory, outputBinding: {glob: out}}}
- class: CommandLineTool
  id: crop
  label: Cuts one band out of an item
  hints:
    - class: DockerRequirement
      dockerPull: docker.io/library/busybox:1.36.1
  requirements:
    - class: ResourceRequirement
      coresMax: 1
      ramMax: 256
  baseCommand: [sh, -euc]
  arguments:
    - 'cat "$1"/*.json > "band_$2.tif"; echo "$3 $4" >> "band_$2.tif"'
    - crop
  inputs:
    item: {type: Directory, inputBinding: {position: 1}}
    band: {type: string, inputBinding: {position: 2}}
    aoi: {type: string, inputBinding: {position: 3}}
    epsg: {type: string, inputBinding: {position: 4}}
  outputs:
    cropped:
      type: File
      outputBinding: {glob: "band_*.tif"}
- class: CommandLineTool
  id: stac
  label: Copies items into one catalogue
  hints:
    DockerRequirement: {dockerPull: "docker.io/library/busybox:1.36.1"}
  requirements:
    ResourceRequirement: {coresMax: 1, ramMax: 256}
  baseCommand: [sh, -euc]
  arguments:
    - 'mkdir out; for folder in "$@"; do cp -r "$folder/." out/; done'
    - stac
  inputs:
    items: {type: "Directory[]", inputBinding: {position: 1}}
  outputs:
    catalogue: {type: Directory, outputBinding: {glob: out}}
