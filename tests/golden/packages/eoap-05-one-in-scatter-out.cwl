cwlVersion: v1.0
$namespaces:
  s: https://schema.org/
schemas:
  - http://schema.org/version/9.0/schemaorg-current-http.rdf
s:softwareVersion: 1.0.0
s:author:
  - class: s:Person
    s:name: Jane Doe
    s:affiliation: Example Observatory
s:keywords: [earth observation, tiles]
$graph:
- class: Workflow
  id: eoap-05
  label: A scene in tiles
  doc: One STAC item in, many STAC catalogues out.
  requirements: [{class: ScatterFeatureRequirement}]
  inputs:
    item: {type: Directory}
    thresholds:
      type:
        type: array
        items: float
      default: [0.1, 0.2, 0]
      doc: One result for each
  outputs:
    tiles:
      type: {type: array, items: Directory}
      outputSource: detect/found
  steps:
    detect:
      run: "#water"
      in: {item: item, threshold: thresholds}
      scatter: [threshold]
      out: [found]
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
