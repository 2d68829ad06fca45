cwlVersion: v1.2
class: CommandLineTool
id: falsy
baseCommand: echo
inputs:
  empty: {type: string, default: ""}
  zero: {type: int, default: 0}
  big: {type: long, default: 0}
  nothing: {type: double, default: 0.0}
  no: {type: boolean, default: false}
  none: {type: "string[]", default: []}
  absent: {type: string?, default: null}
  maybe: {type: int?, default: 0}
  box: {type: {type: record, fields: {a: int?}}, default: {}}
outputs: {said: stdout}
