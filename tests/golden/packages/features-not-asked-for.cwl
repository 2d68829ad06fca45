cwlVersion: v1.0
$graph:
- class: Workflow
  id: forgetful
  inputs: {names: "string[]", one: string}
  outputs: {all: {type: "File[]", outputSource: [each/said, inner/said], linkMerge: merge_flattened}}
  steps:
    each: {run: "#say", scatter: name, in: {name: names}, out: [said]}
    inner: {run: "#inside", in: {name: {source: one, valueFrom: "$(self)"}}, out: [said]}
- class: Workflow
  id: inside
  inputs: {name: string}
  outputs: {said: {type: File, outputSource: say/said}}
  steps: {say: {run: "#say", in: {name: name}, out: [said]}}
- class: CommandLineTool
  id: say
  baseCommand: echo
  inputs: {name: {type: string, inputBinding: {position: 1}}}
  outputs: {said: stdout}
