cwlVersion: v1.0
$namespaces:
  s: https://schema.org/
schemas:
  - http://schema.org/version/9.0/schemaorg-current-http.rdf
s:softwareVersion: 1.1.0
s:author:
  - class: s:Person
    s:name: Jane Doe
    s:affiliation: Example Observatory
s:keywords: [earth observation, mosaic]
$graph:
- class: Workflow
  id: eoap-03
  label: Mosaic of water masks
  doc: Many STAC items in, one STAC catalogue out.
  requirements:
    - class: ScatterFeatureRequirement
  inputs:
    items: {type: "Directory[]", label: Scenes, doc: The scenes to look at}
  outputs:
    mosaic: {type: Directory, outputSource: collect/catalogue}
  steps:
    detect:
      run: "#water"
      in: {item: items}
      scatter: item
      scatterMethod: dotproduct
      out: [found]
    collect:
      run: "#stac"
      in: {items: detect/found}
      out: [catalogue]
- class: CommandLineTool
  id: water
  label: Finds water in an item
  hints:
    DockerRequirement: {dockerPull: "docker.io/library/busybox:1.36.1"}
  requirements:
    ResourceRequirement: {coresMin: 1, coresMax: 2, ramMin: 128, ramMax: 256}
  baseCommand: [sh, -euc]
  arguments:
    - 'mkdir out; cp -r "$1/." out/; echo "$2" > out/water.txt'
    - water
  inputs:
    item: {type: Directory, inputBinding: {position: 1}}
    threshold: {type: float?, inputBinding: {position: 2}}
  outputs:
    found: {type: Directory, outputBinding: {glob: out}}
    table: {type: File, outputBinding: {glob: out/water.txt}}
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
