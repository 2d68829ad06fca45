cwlVersion: v1.2
$graph:
- {class: Operation, id: idea, inputs: {x: int}, outputs: {y: int}}
- {class: CommandLineTool, id: real, baseCommand: "true", inputs: {}, outputs: {}, intent: ["https://example.com/doing"]}
