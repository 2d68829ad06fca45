cwlVersion: v1.2
class: CommandLineTool
label: "Größe & Form: (mean)"
baseCommand: "true"
inputs: {}
outputs: {}
