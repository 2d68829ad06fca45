cwlVersion: v1.2
class: CommandLineTool
id: anchors
baseCommand: echo
inputs:
  first: &text {type: string, doc: A text}
  second: {<<: *text, default: x}
  third: *text
outputs: {said: stdout}
