cwlVersion: v1.2
class: Workflow
id: embedded
inputs: {name: {type: string, default: world}}
outputs: {greeting: {type: string, outputSource: read/text}}
requirements: {InlineJavascriptRequirement: {}}
steps:
  say:
    run:
      class: CommandLineTool
      baseCommand: [echo, hello]
      inputs: {who: {type: string, inputBinding: {position: 1}}}
      outputs: {said: {type: stdout}}
    in: {who: name}
    out: [said]
  read:
    run:
      class: ExpressionTool
      inputs: {file: {type: File, loadContents: true}}
      outputs: {text: string}
      expression: '$({"text": inputs.file.contents.trim()})'
    in: {file: say/said}
    out: [text]
