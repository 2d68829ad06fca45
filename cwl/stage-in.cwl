cwlVersion: v1.2
$namespaces: {s: "https://schema.org/"}
s:softwareVersion: 1.0.0
class: CommandLineTool
id: stage-in
label: Stage-in
doc: |
  Brings what a reference names into a folder with a catalog.json, as the server does by itself. A model for a stage-in
  of your own: it takes a reference, gives one folder, and gets what else its inputs ask for by their names. Where the
  store is, and the credentials, stand in its environment.
hints:
  DockerRequirement: {dockerPull: "ades:runner"}
requirements:
  NetworkAccess: {networkAccess: true}
  ResourceRequirement: {coresMax: 1, ramMax: 512}
baseCommand: [ades, stage-in]
arguments:
  - {position: 1, prefix: --to, valueFrom: staged}
  - {position: 3, valueFrom: "--"}
inputs:
  reference:
    label: What to bring
    type: string
    inputBinding: {position: 4}
  workspace:
    label: On whose behalf
    type: string?
    inputBinding: {position: 2, prefix: --workspace}
outputs:
  staged:
    type: Directory
    outputBinding: {glob: staged}
