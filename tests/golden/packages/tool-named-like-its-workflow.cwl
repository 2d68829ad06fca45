cwlVersion: v1.0
$namespaces: {s: https://schema.org/}
s:softwareVersion: 0.1.2
$graph:
- class: Workflow
  id: adaptor
  label: Adaptor
  inputs:
    workspace: {type: string, label: Workspace name}
    stac_key: {type: Directory}
  outputs:
    - {id: results, type: Directory, outputSource: [adaptor/results]}
  steps:
    adaptor:
      run: "#adaptor"
      in: {workspace: workspace, stac_key: stac_key}
      out: [results]
- class: CommandLineTool
  id: adaptor
  hints: {DockerRequirement: {dockerPull: "docker.io/library/busybox:1.36.1"}}
  baseCommand: [sh, -euc, 'mkdir out; cp -r "$2/." out', adaptor]
  inputs:
    workspace: {type: string, inputBinding: {position: 1}}
    stac_key: {type: Directory, inputBinding: {position: 2}}
  outputs:
    results: {type: Directory, outputBinding: {glob: out}}
