cwlVersion: v1.2
$namespaces:
  s: https://schema.org/
s:softwareVersion: 1.0.0
s:license: https://www.apache.org/licenses/LICENSE-2.0
s:keywords: [sample, scatter, text]

$graph:
  - class: Workflow
    id: word-count
    label: Word count
    doc: Splits a text into parts, counts the words of each part at the same time, and adds them up.
    requirements:
      ScatterFeatureRequirement: {}
    inputs:
      text:
        label: Text
        doc: Whose words are counted
        type: File
      lines:
        label: Lines of a part
        type: int
        default: 100
    outputs:
      table:
        label: Words of each part
        type: File
        format: https://www.iana.org/assignments/media-types/text/csv
        outputSource: join/table
      total:
        label: Words of the whole text
        type: long
        outputSource: join/total
    steps:
      split:
        label: Into parts
        run: "#split"
        in: {text: text, lines: lines}
        out: [parts]
      count:
        label: Words of one part
        run: "#count"
        scatter: part
        in: {part: split/parts}
        out: [words]
      join:
        label: Add up
        run: "#join"
        in: {counts: count/words}
        out: [table, total]

  - class: CommandLineTool
    id: split
    hints: &small
      DockerRequirement: {dockerPull: "docker.io/library/python:3.13-slim"}
      ResourceRequirement: {coresMax: 1, ramMax: 64}
    baseCommand: [sh, -euc, 'split -a 4 -l "$2" "$1" part-; [ -e part-aaaa ] || : > part-aaaa', split]
    inputs:
      text: {type: File, inputBinding: {position: 1}}
      lines: {type: int, inputBinding: {position: 2}}
    outputs:
      parts: {type: "File[]", outputBinding: {glob: "part-*"}}

  - class: CommandLineTool
    id: count
    hints: *small
    baseCommand: [sh, -euc, 'printf "%s,%s\n" "$(basename "$1")" "$(($(wc -w < "$1")))"', count]
    stdout: count.csv
    inputs:
      part: {type: File, inputBinding: {position: 1}}
    outputs:
      words: {type: stdout}

  - class: CommandLineTool
    id: join
    hints: *small
    baseCommand:
      - python3
      - -c
      - |
        import json, sys
        rows = [open(name).read().strip() for name in sys.argv[1:]]
        total = sum(int(row.rsplit(",", 1)[1]) for row in rows)
        with open("words.csv", "w") as table:
            table.write("\n".join(["part,words", *rows]) + "\n")
        with open("cwl.output.json", "w") as outputs:
            json.dump({"total": total, "table": {"class": "File", "path": "words.csv"}}, outputs)
    inputs:
      counts: {type: "File[]", inputBinding: {position: 1}}
    outputs:
      table: {type: File}
      total: {type: long}
