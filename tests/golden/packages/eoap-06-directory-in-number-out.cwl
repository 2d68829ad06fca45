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
s:keywords: [earth observation, statistics]
$graph:
- class: CommandLineTool
  id: mean
  hints: {DockerRequirement: {dockerPull: "docker.io/library/busybox:1.36.1"}}
  requirements:
    InlineJavascriptRequirement: {}
    ResourceRequirement: {coresMax: 1, ramMax: 64}
  baseCommand: [sh, -euc, 'ls "$0" | wc -l']
  stdout: mean.txt
  inputs:
    item: {type: Directory, inputBinding: {position: 1}}
  outputs:
    mean:
      type: float
      outputBinding: {glob: mean.txt, loadContents: true, outputEval: "$(parseFloat(self[0].contents))"}
- class: Workflow
  id: eoap-06
  label: Cloud cover
  doc: One STAC item in, a number out.
  inputs:
    item: {type: Directory, doc: The scene}
  outputs:
    cloud_cover: {type: float, label: Cloud cover in percent, outputSource: measure/mean}
  steps:
    measure: {run: "#mean", in: {item: item}, out: [mean]}
