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
s:keywords: [earth observation, mask]
$graph:
- class: Workflow
  id: eoap-07
  label: With or without a mask
  doc: An optional STAC item in.
  requirements: {MultipleInputFeatureRequirement: {}}
  inputs:
    item: {type: Directory}
    mask: {type: "Directory?", doc: Leave it out to look at the whole scene}
  outputs:
    masked: {type: Directory, outputSource: collect/catalogue}
  steps:
    collect:
      run: "#stac"
      in:
        items: {source: [item, mask], pickValue: all_non_null}
      out: [catalogue]
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
