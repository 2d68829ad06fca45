cwlVersion: v1.2
class: CommandLineTool
id: unprefixed
softwareVersion: "5.6.7"
baseCommand: "true"
inputs: {}
outputs: {}
