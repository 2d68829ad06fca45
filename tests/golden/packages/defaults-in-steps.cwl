cwlVersion: v1.2
class: Workflow
id: stepdefaults
inputs: {maybe: string?}
outputs: {said: {type: File, outputSource: say/said}}
requirements: {StepInputExpressionRequirement: {}}
steps:
  say:
    run:
      class: CommandLineTool
      baseCommand: echo
      stdin: $(inputs.file.path)
      inputs: {text: {type: string, inputBinding: {position: 1}}, file: {type: File}, n: int}
      outputs: {said: stdout}
    in:
      text: {source: maybe, default: nothing}
      file: {default: {class: File, basename: x, contents: ""}}
      n: {valueFrom: $(5)}
    out: [said]
