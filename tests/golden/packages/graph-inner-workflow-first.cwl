cwlVersion: v1.2
$graph:
- {class: CommandLineTool, id: tool, baseCommand: "true", inputs: {}, outputs: {}}
- {class: Workflow, id: inner, inputs: {}, outputs: [], steps: {s: {run: "#tool", in: {}, out: []}}}
- class: Workflow
  id: outer
  requirements: {SubworkflowFeatureRequirement: {}}
  inputs: {}
  outputs: []
  steps: {s: {run: "#inner", in: {}, out: []}}
