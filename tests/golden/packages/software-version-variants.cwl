cwlVersion: v1.2
$namespaces: {schema: "http://schema.org/"}
$graph:
- class: Workflow
  id: versions
  schema:softwareVersion: 2.10
  https://schema.org/license: Apache-2.0
  schema:author: [{class: schema:Person, schema:name: Ada}, {class: schema:Organization, schema:name: Observatory}]
  schema:codeRepository: {"@id": "https://example.com/code"}
  schema:keywords: "water, ice ,water"
  inputs: {}
  outputs: {}
  steps: {}
