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
s:keywords: [earth observation, zones]
$graph:
- class: Workflow
  id: eoap-11
  label: Statistics by zone
  doc: A STAC item and a file in, a STAC catalogue out.
  inputs:
    item: {type: Directory}
    zones:
      type: File
      format: https://www.iana.org/assignments/media-types/application/geo+json
      doc: Polygons
    legend: {type: "File?", format: "http://edamontology.org/format_3752"}
  outputs:
    zonal: {type: Directory, outputSource: zonal/out}
  steps:
    zonal:
      run: "#zonal"
      in: {item: item, zones: zones, legend: legend}
      out: [out]
- class: CommandLineTool
  id: zonal
  requirements: {ResourceRequirement: {coresMax: 1, ramMax: 64}}
  hints: {DockerRequirement: {dockerPull: "docker.io/library/busybox:1.36.1"}}
  baseCommand: [sh, -euc, 'mkdir out; cp -r "$1/." out; shift; cp "$@" out', zonal]
  inputs:
    item: {type: Directory, inputBinding: {position: 1}}
    zones: {type: File, inputBinding: {position: 2}}
    legend: {type: File?, inputBinding: {position: 3}}
  outputs: {out: {type: Directory, outputBinding: {glob: out}}}
