cwlVersion: v1.2
class: CommandLineTool
id: unions
baseCommand: echo
inputs:
  word_or_flag: {type: [string, boolean]}
  number: {type: [int, double]}
  file_or_word: {type: [File, string]}
  one_or_many: {type: [string, "string[]"]}
  file_or_folder: {type: [File, Directory]}
  perhaps: {type: ["null", int, boolean]}
  whatever: Any
  whatever_or_not: {type: ["null", Any]}
outputs:
  said: stdout
  error: stderr
