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
s:keywords: [earth observation, change]
$graph:
- class: Workflow
  id: eoap-02
  label: Change between two scenes
  doc:
    - Two STAC items in,
    - one STAC catalogue out.
  requirements:
    MultipleInputFeatureRequirement: {}
  inputs:
    pre_event: {type: Directory, label: Before, doc: Scene before the event}
    post_event: {type: Directory, label: After, doc: Scene after the event}
  outputs:
    - id: change
      type: Directory
      outputSource: collect/catalogue
  steps:
    collect:
      run: "#stac"
      in:
        items: {source: [pre_event, post_event], linkMerge: merge_nested}
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
