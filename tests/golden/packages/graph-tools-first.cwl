cwlVersion: v1.2
$graph:
- class: CommandLineTool
  id: split
  baseCommand: [sh, -euc, 'split -l 1 "$0" part-']
  inputs: {text: {type: File, inputBinding: {position: 1}}}
  outputs: {parts: {type: "File[]", outputBinding: {glob: part-*}}}
- class: CommandLineTool
  id: count
  baseCommand: [wc, -w]
  inputs: {part: {type: File, inputBinding: {position: 1}}}
  outputs: {words: stdout}
- class: Workflow
  id: words
  requirements: {ScatterFeatureRequirement: {}}
  inputs: {text: File}
  outputs: {words: {type: "File[]", outputSource: count/words}}
  steps:
    split: {run: "#split", in: {text: text}, out: [parts]}
    count: {run: "#count", scatter: part, in: {part: split/parts}, out: [words]}
