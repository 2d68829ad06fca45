cwlVersion: v1.0
$namespaces: {s: https://schema.org/, eoap: "http://eoap.github.io/schema#"}
s:softwareVersion: 1.0.0
s:name: A name that is the title when there is no label
s:description: And a description
s:license: {'@type': s:CreativeWork, s:identifier: Apache-2.0}
$graph:
- class: CommandLineTool
  id: networked
  requirements:
    - class: NetworkAccess
      networkAccess: true
    - class: EnvVarRequirement
      envDef: {PATH: "$PATH:/app/bin", TOKEN: <<TOKEN>>}
  hints:
    - class: eoap:JSONSchemaHint
  baseCommand: "true"
  inputs:
    box: {type: "https://raw.githubusercontent.com/eoap/schemas/main/ogc.yaml#BBox"}
  outputs: {}
