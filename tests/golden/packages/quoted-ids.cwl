"cwlVersion": "v1.2"
"$graph":
  - 'class': 'Workflow'
    'id': "#quoted"
    'inputs':
      "first": {"type": "string"}
      'second':
        'type': 'int'
        'default': 2
    'outputs':
      - {'id': '#quoted/said', 'type': 'File', 'outputSource': '#quoted/say/said'}
    'steps':
      - 'id': '#say'
        'run': '#quoted-tool'
        'in': {'message': '#quoted/first'}
        'out': ["said"]
  - 'class': 'CommandLineTool'
    'id': '#quoted-tool'
    'baseCommand': 'echo'
    'inputs': {'message': {'type': 'string', 'inputBinding': {'position': 1}}}
    'outputs': {'said': {'type': 'stdout'}}
