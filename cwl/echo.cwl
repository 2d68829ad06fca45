cwlVersion: v1.2
$namespaces:
  s: https://schema.org/
s:softwareVersion: 1.0.0
s:license: https://www.apache.org/licenses/LICENSE-2.0
s:keywords: [sample, echo]

class: CommandLineTool
id: echo-tool
label: Echo, as a tool
doc: The smallest package there is. It repeats what it is told, as often as it is told to.

hints:
  DockerRequirement: {dockerPull: "docker.io/library/python:3.13-slim"}
  ResourceRequirement: {coresMax: 1, ramMax: 64}

baseCommand: [sh, -euc, 'n=0; while [ "$n" -lt "$2" ]; do echo "$1"; n=$((n + 1)); done', echo]
stdout: echo.txt

inputs:
  message:
    label: Message
    doc: What to say
    type: string
    default: Hello
    inputBinding: {position: 1}
  times:
    label: How often
    type: int
    default: 1
    inputBinding: {position: 2}

outputs:
  echo:
    label: Echo
    type: stdout
