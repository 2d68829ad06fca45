cwlVersion: v1.2
$graph:
- {class: CommandLineTool, id: tool, baseCommand: "true", inputs: {a: {type: int, default: 1}}, outputs: {}}
- {class: Workflow, id: alpha, label: Alpha, inputs: {a: int}, outputs: [], steps: {s: {run: "#tool", in: {a: a}, out: []}}}
- {class: Workflow, id: beta, label: Beta, inputs: {b: int}, outputs: [], steps: {s: {run: "#tool", in: {a: b}, out: []}}}
