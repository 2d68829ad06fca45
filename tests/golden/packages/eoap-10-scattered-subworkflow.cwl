cwlVersion: v1.2
$namespaces:
  s: https://schema.org/
schemas:
  - http://schema.org/version/9.0/schemaorg-current-http.rdf
s:softwareVersion: 2.0.0
s:author:
  - class: s:Person
    s:name: Jane Doe
    s:affiliation: Example Observatory
s:keywords: [earth observation, flatten]
$graph:
- class: Workflow
  id: eoap-10
  label: Many in, many out
  doc: Lists of STAC catalogues in and out, by a scattered workflow.
  requirements:
    - class: InlineJavascriptRequirement
    - class: ScatterFeatureRequirement
    - class: SubworkflowFeatureRequirement
  inputs:
    items: {type: {type: array, items: Directory}}
    bands: {type: "string[]", default: [green, nir]}
    aoi: {type: string, default: ""}
  outputs:
    results: {type: "Directory[]", outputSource: flatten/flat}
  steps:
    - id: each
      run: "#one"
      scatter: item
      in:
        - {id: item, source: items}
        - {id: bands, source: bands}
        - {id: aoi, source: aoi}
      out: [results]
    - id: flatten
      run: "#flat"
      in: [{id: nested, source: each/results}]
      out: [{id: flat}]
- class: Workflow
  id: one
  requirements: [{class: ScatterFeatureRequirement}]
  inputs: {item: Directory, bands: "string[]", aoi: string}
  outputs: {results: {type: "Directory[]", outputSource: detect/found}}
  steps:
    detect: {run: "#named", in: {item: item, band: bands, aoi: aoi}, scatter: band, out: [found]}
- class: CommandLineTool
  id: named
  requirements: {ResourceRequirement: {coresMax: 1, ramMax: 64}}
  hints: {DockerRequirement: {dockerPull: "docker.io/library/busybox:1.36.1"}}
  baseCommand: [sh, -euc, 'mkdir "$2"; cp -r "$1/." "$2"', named]
  inputs:
    item: {type: Directory, inputBinding: {position: 1}}
    band: {type: string, inputBinding: {position: 2}}
    aoi: {type: string, inputBinding: {position: 3}}
  outputs: {found: {type: Directory, outputBinding: {glob: $(inputs.band)}}}
- class: ExpressionTool
  id: flat
  requirements: {InlineJavascriptRequirement: {}}
  inputs: {nested: {type: {type: array, items: {type: array, items: Directory}}}}
  outputs: {flat: "Directory[]"}
  expression: |
    ${
      var all = [];
      inputs.nested.forEach(function (some) { all = all.concat(some); });
      return {"flat": all};
    }
