#!/usr/bin/env cwl-runner
cwlVersion: v1.0
class: CommandLineTool
id: "#count"
label: Count lines
baseCommand: wc
arguments: [-l]
inputs:
  - id: text
    type: File
    inputBinding: {position: 1}
  - id: "#count/more"
    type: ["null", {type: array, items: File}]
    inputBinding: {position: 2}
outputs:
  - id: lines
    type: stdout
stdout: lines.txt
