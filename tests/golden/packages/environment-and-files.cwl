cwlVersion: v1.2
class: CommandLineTool
id: surroundings
requirements:
  ShellCommandRequirement: {}
  InlineJavascriptRequirement:
    expressionLib: ["function twice(x) { return x + x; }"]
  EnvVarRequirement:
    envDef: {GREETING: $(inputs.greeting), WORKSPACE_TOKEN: "<<REPLACE>>"}
  InitialWorkDirRequirement:
    listing:
      - entryname: run.sh
        entry: |
          echo "\${GREETING} $(inputs.greeting)"
      - entryname: data.csv
        entry: $(inputs.table)
        writable: true
      - $(inputs.table)
  InplaceUpdateRequirement: {inplaceUpdate: false}
hints:
  SoftwareRequirement:
    packages:
      gdal: {version: ["3.8"], specs: ["https://gdal.org"]}
      sh: ["https://example.com/sh"]
  cwltool:CUDARequirement: {cudaVersionMin: "11.4", cudaComputeCapability: "7.0"}
  some:OtherHint: {x: 1}
$namespaces: {cwltool: "http://commonwl.org/cwltool#", some: "https://example.com/"}
baseCommand: [sh, run.sh]
arguments:
  - {valueFrom: "> out.txt", shellQuote: false, position: 9}
  - $(twice(inputs.greeting))
inputs:
  greeting: {type: string, default: hi}
  table: {type: File, streamable: true, secondaryFiles: [.idx, "^.aux.xml"]}
successCodes: [0, 3]
temporaryFailCodes: [4]
permanentFailCodes: [5]
outputs:
  out: {type: File, outputBinding: {glob: out.txt}, secondaryFiles: {pattern: .aux, required: false}}
