cwlVersion: v1.2
class: CommandLineTool
id: enums
baseCommand: echo
requirements:
  SchemaDefRequirement:
    types:
      - {type: enum, name: level, symbols: [low, mid, high], doc: How much}
      - name: setting
        type: record
        doc: How to do it
        fields:
          level: {type: level, doc: How strongly}
          name: {type: string?, label: Name}
          files: {type: "File[]"}
inputs:
  plain: {type: {type: enum, symbols: [a, b]}, default: b}
  named: {type: level}
  many: {type: "level[]?"}
  setting: {type: setting}
  settings: {type: {type: array, items: "#setting"}}
outputs: {said: stdout}
