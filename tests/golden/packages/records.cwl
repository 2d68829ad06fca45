cwlVersion: v1.2
class: CommandLineTool
id: records
baseCommand: echo
inputs:
  window:
    type:
      type: record
      fields:
        start: {type: string, doc: First day, inputBinding: {prefix: --start}}
        end: {type: string?, label: Last day}
        bands: {type: "string[]"}
        kind: {type: {type: enum, symbols: [mean, max]}}
        inner: {type: {type: record, fields: [{name: x, type: double}, {name: y, type: double}]}}
  windows:
    type:
      type: array
      items: {type: record, fields: [{name: start, type: string}]}
  nested: {type: "int[][]"}
outputs:
  result:
    type: {type: record, fields: {picture: {type: File, outputBinding: {glob: "*.png"}}, count: int}}
