cwlVersion: v1.2
class: Workflow
id: conditional
requirements: {MultipleInputFeatureRequirement: {}, InlineJavascriptRequirement: {}}
inputs: {fast: boolean, text: string}
outputs:
  result: {type: File, outputSource: [quick/said, slow/said], pickValue: the_only_non_null}
  both: {type: "File[]", outputSource: [quick/said, slow/said], pickValue: all_non_null, linkMerge: merge_nested}
steps:
  quick: {run: &tool {class: CommandLineTool, baseCommand: echo, inputs: {text: string}, outputs: {said: stdout}}, when: $(inputs.fast), in: {text: text, fast: fast}, out: [said]}
  slow: {run: *tool, when: $(!inputs.fast), in: {text: text, fast: fast}, out: [said]}
