cwlVersion: v1.2
class: CommandLineTool
id: now
baseCommand: [date, -u]
inputs: []
outputs:
  when: stdout
stdout: now.txt
