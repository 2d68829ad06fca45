cwlVersion: v1.2
class: CommandLineTool
id: literals
baseCommand: [cat]
inputs:
  script:
    type: File
    format: iana:application/json
    default: {class: File, basename: script.json, contents: '{"a": 1}', format: "https://www.iana.org/assignments/media-types/application/json"}
    inputBinding: {position: 1}
  remote:
    type: File
    default: {class: File, location: "https://example.com/legend.csv"}
  missing:
    type: File
    default: {class: File, path: here/not.csv}
  folder:
    type: Directory
    default: {class: Directory, basename: none, listing: []}
outputs: {said: stdout}
$namespaces: {iana: "https://www.iana.org/assignments/media-types/"}
