cwlVersion: v1.1
class: CommandLineTool
id: listing
requirements:
  LoadListingRequirement: {loadListing: shallow_listing}
  NetworkAccess: {networkAccess: true}
  WorkReuse: {enableReuse: false}
  ToolTimeLimit: {timelimit: 60}
baseCommand: [ls]
inputs:
  folder: {type: Directory, loadListing: no_listing, inputBinding: {position: 1}}
outputs:
  names: {type: stdout}
