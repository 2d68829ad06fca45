cwlVersion: v1.2
$graph:
- class: Workflow
  id: mixed
  inputs:
    - {id: text, type: string}
    - id: times
      type: int?
  outputs:
    said: {type: File, outputSource: say/said}
  requirements:
    - class: StepInputExpressionRequirement
    - class: InlineJavascriptRequirement
  hints:
    ResourceRequirement: {coresMin: 1}
  steps:
    say:
      in:
        message: {source: text, valueFrom: '$(self + "!")'}
      run: "#t"
      out: [said]
- class: CommandLineTool
  id: t
  baseCommand: echo
  inputs: {message: string}
  outputs: [{id: said, type: stdout}]
