cwlVersion: v1.2
class: ExpressionTool
id: sum
label: Sum
requirements: {InlineJavascriptRequirement: {}}
inputs: {numbers: {type: "int[]"}}
outputs: {sum: int}
expression: |
  ${ return {"sum": inputs.numbers.reduce(function (a, b) { return a + b; }, 0)}; }
