cwlVersion: v1.2
class: Workflow
id: crossproduct
requirements: {ScatterFeatureRequirement: {}}
inputs: {left: "string[]", right: "int[]"}
outputs:
  nested: {type: {type: array, items: {type: array, items: File}}, outputSource: nested/said}
  flat: {type: "File[]", outputSource: flat/said}
steps:
  nested:
    run: &pair
      class: CommandLineTool
      baseCommand: echo
      inputs: {a: {type: string, inputBinding: {position: 1}}, b: {type: int, inputBinding: {position: 2}}}
      outputs: {said: stdout}
    scatter: [a, b]
    scatterMethod: nested_crossproduct
    in: {a: left, b: right}
    out: [said]
  flat: {run: *pair, scatter: [a, b], scatterMethod: flat_crossproduct, in: {a: left, b: right}, out: [said]}
