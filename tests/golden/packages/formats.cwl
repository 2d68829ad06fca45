cwlVersion: v1.2
$namespaces: {edam: "http://edamontology.org/", iana: "https://www.iana.org/assignments/media-types/"}
class: CommandLineTool
id: formats
baseCommand: "true"
inputs:
  tiff: {type: File, format: edam:format_3591}
  either: {type: File, format: [iana:image/png, edam:format_3579]}
  cog: {type: File, format: "iana:image/tiff; application=geotiff; profile=cloud-optimized"}
  unknown: {type: File, format: edam:format_0000}
  own: {type: File, format: "https://example.com/formats#mine"}
  shapes: {type: "File[]", format: iana:application/geo+json}
outputs:
  picture: {type: File, format: iana:image/png, outputBinding: {glob: "*.png"}}
  table: {type: File?, format: edam:format_3752, outputBinding: {glob: "*.csv"}}
  pictures: {type: "File[]", format: iana:image/png, outputBinding: {glob: "*.png"}}
  computed: {type: File, format: "$(inputs.tiff.format)", outputBinding: {glob: out.tif}}
