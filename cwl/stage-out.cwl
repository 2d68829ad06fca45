cwlVersion: v1.2
$namespaces: {s: "https://schema.org/"}
s:softwareVersion: 1.0.0
class: CommandLineTool
id: stage-out
label: Stage-out
doc: |
  Publishes a folder as STAC, as the server does by itself. A model for a stage-out of your own: it takes one folder,
  gives the address of the catalogue, and gets what else its inputs ask for by their names. Where the store is, and the
  credentials, stand in its environment.
hints:
  DockerRequirement: {dockerPull: "ades:runner"}
requirements:
  NetworkAccess: {networkAccess: true}
  ResourceRequirement: {coresMax: 1, ramMax: 512}
baseCommand: [ades, stage-out]
stdout: address.txt
inputs:
  folder:
    label: What to publish
    type: Directory
    inputBinding: {position: 9}
  place:
    label: Where its catalogue shall lie
    type: string
    inputBinding: {position: 1, prefix: --to}
  process:
    type: string?
    inputBinding: {position: 1, prefix: --process}
  job:
    type: string?
    inputBinding: {position: 1, prefix: --job}
  output:
    type: string?
    inputBinding: {position: 1, prefix: --output}
  collection:
    type: string?
    inputBinding: {position: 1, prefix: --collection}
outputs:
  StacCatalogUri:
    type: string
    outputBinding: {glob: address.txt, loadContents: true, outputEval: "$(self[0].contents)"}
