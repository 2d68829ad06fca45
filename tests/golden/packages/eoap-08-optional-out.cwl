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
s:keywords: [earth observation, maybe]
$graph:
- class: Workflow
  id: eoap-08
  label: A result only if wanted
  doc: An optional STAC catalogue out.
  requirements: {InlineJavascriptRequirement: {}}
  inputs:
    item: Directory
    wanted: {type: boolean, default: false}
  outputs:
    water: {type: Directory?, outputSource: detect/found}
  steps:
    detect:
      when: $(inputs.wanted)
      run: "#water"
      in: {item: item, wanted: wanted}
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
