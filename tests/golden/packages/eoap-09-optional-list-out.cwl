cwlVersion: v1.2
$namespaces:
  s: https://schema.org/
schemas:
  - http://schema.org/version/9.0/schemaorg-current-http.rdf
s:softwareVersion: 1.0.0
s:author:
  - class: s:Person
    s:name: Jane Doe
    s:affiliation: Example Observatory
s:keywords: [earth observation, maybe many]
$graph:
- class: Workflow
  id: eoap-09
  label: Results only if wanted
  doc: An optional list of STAC catalogues out.
  requirements:
    InlineJavascriptRequirement: {}
    ScatterFeatureRequirement: {}
    SubworkflowFeatureRequirement: {}
  inputs:
    item: Directory
    thresholds: {type: "float[]?"}
    wanted: {type: boolean?, default: true}
  outputs:
    water: {type: "Directory[]?", outputSource: all/found}
  steps:
    all:
      when: $(inputs.wanted)
      run: "#each"
      in: {item: item, thresholds: {source: thresholds, default: []}, wanted: wanted}
      out: [found]
- class: Workflow
  id: each
  requirements: {ScatterFeatureRequirement: {}}
  inputs: {item: Directory, thresholds: "float[]"}
  outputs: {found: {type: "Directory[]", outputSource: detect/found}}
  steps:
    detect:
      run: "#water"
      scatter: threshold
      in: {item: item, threshold: thresholds}
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
