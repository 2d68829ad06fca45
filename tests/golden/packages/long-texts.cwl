cwlVersion: v1.2
class: CommandLineTool
id: texts
label: "<b>Bold</b> & \"quoted\""
doc: |
  First line: with a colon.

  Second paragraph, äöü 日本 🛰️.
baseCommand: "true"
inputs:
  a:
    type: string
    label: 日本
    doc:
      - one
      - two
outputs: {}
