"""Every requirement class of the practice, output for output what plain `cwltool --no-container` gives."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from flows import ECHO, flow, tool
from runs import shell
from told_alike import as_cwl, content, ours, without_companions

from ades.runner.document import Options
from ades.runner.events import Outcome

TEXT = {"value": "one\ntwo\nthree\n", "mediaType": "text/plain"}

PLAIN = {
    "scatter": (
        flow(
            "{say: {run: '#echo', scatter: word, in: {word: words}, out: [out]}, all: {run: '#join', in: {files: say/out}, out: [out]}}",
            "{words: 'string[]'}",
            "{each: {type: 'File[]', outputSource: say/out}, all: {type: File, outputSource: all/out}}",
            "{ScatterFeatureRequirement: {}}",
        ),
        {"words": ["a", "b", "c", "d", "e"]},
    ),
    "scatter over nothing": (
        flow(
            "{say: {run: '#echo', scatter: word, in: {word: words}, out: [out]}}",
            "{words: 'string[]'}",
            "{each: {type: 'File[]', outputSource: say/out}}",
            "{ScatterFeatureRequirement: {}}",
        ),
        {"words": []},
    ),
    **{
        f"scatter, {method}": (
            flow(
                f"{{say: {{run: '#echo', scatter: [word, other], scatterMethod: {method}, in: {{word: words, other: others}}, out: [out]}}}}",
                "{words: 'string[]', others: 'string[]'}",
                "{each: {type: Any, outputSource: say/out}}",
                "{ScatterFeatureRequirement: {}}",
            ),
            {"words": ["a", "b"], "others": ["x", "y"]},
        )
        for method in ("dotproduct", "flat_crossproduct", "nested_crossproduct")
    },
    "sub-workflow": (
        flow(
            "{inner: {run: '#sub', scatter: word, in: {word: words}, out: [out]}}",
            "{words: 'string[]'}",
            "{out: {type: 'File[]', outputSource: inner/out}}",
            "{SubworkflowFeatureRequirement: {}, ScatterFeatureRequirement: {}}",
            """
- class: Workflow
  id: sub
  inputs: {word: string}
  outputs: {out: {type: File, outputSource: b/out}}
  steps:
    a: {run: '#echo', in: {word: word}, out: [out]}
    b: {run: '#count', in: {file: a/out}, out: [out]}
- class: CommandLineTool
  id: count
  baseCommand: [wc, -c]
  stdin: $(inputs.file.path)
  inputs: {file: File}
  outputs: {out: stdout}
  stdout: count.txt
"""
            + ECHO,
        ),
        {"words": ["a", "bcd"]},
    ),
    **{
        f"conditional, {pick}": (
            flow(
                "{ja: {run: '#echo', when: $(inputs.go), in: {word: {default: ja}, go: go}, out: [out]},"
                " nein: {run: '#echo', when: $(inputs.stay), in: {word: {default: nein}, stay: stay}, out: [out]}}",
                "{go: boolean, stay: boolean}",
                f"{{out: {{type: {kind}, outputSource: [ja/out, nein/out], pickValue: {pick}}},"
                " none: {type: 'File?', outputSource: nein/out}}",
                "{MultipleInputFeatureRequirement: {}}",
            ),
            {"go": True, "stay": False},
        )
        for pick, kind in (("the_only_non_null", "File"), ("first_non_null", "File"), ("all_non_null", "'File[]'"))
    },
    "multiple inputs": (
        flow(
            "{a: {run: '#echo', in: {word: {default: A}}, out: [out]}, b: {run: '#echo', in: {word: {default: B}}, out: [out]},"
            " all: {run: '#join', in: {files: {source: [a/out, b/out], linkMerge: merge_flattened}}, out: [out]}}",
            "{}",
            "{out: {type: File, outputSource: all/out}}",
            "{MultipleInputFeatureRequirement: {}}",
        ),
        {},
    ),
    "step input expression": (
        flow(
            "{say: {run: '#echo', in: {word: {source: n, valueFrom: 'number $(self)'}}, out: [out]}}",
            "{n: int}",
            "{out: {type: File, outputSource: say/out}}",
            "{StepInputExpressionRequirement: {}}",
        ),
        {"n": 5},
    ),
    "initial work dir": (
        tool(
            """
baseCommand: [sh, -c, "cat conf.txt copy.txt dir/inner; echo more >> copy.txt; mv copy.txt result.txt"]
requirements:
  InitialWorkDirRequirement:
    listing:
    - {entryname: conf.txt, entry: "text is $(inputs.file.basename)\\n"}
    - {entryname: copy.txt, entry: $(inputs.file), writable: true}
    - {entryname: dir, entry: "$({class: 'Directory', listing: []})", writable: true}
    - {entryname: dir/inner, entry: inner}
  InlineJavascriptRequirement: {}
inputs: {file: File}
outputs: {out: stdout, moved: {type: File, outputBinding: {glob: result.txt}}}
stdout: out.txt
"""
        ),
        {"file": TEXT},
    ),
    "environment": (
        tool(
            """
baseCommand: [sh, -c, "echo $MINE $THEIRS; env | cut -d= -f1 | sort | tr '\\\\n' ' '"]
requirements: {EnvVarRequirement: {envDef: {MINE: mine, THEIRS: $(inputs.x)}}}
inputs: {x: string}
outputs: {out: stdout}
stdout: out.txt
"""
        ),
        {"x": "a b"},
    ),
    "resources": (
        tool(
            """
baseCommand: echo
arguments: [$(runtime.cores), $(runtime.ram), $(runtime.tmpdirSize), $(runtime.outdirSize)]
requirements: {ResourceRequirement: {coresMin: 1.5, coresMax: 4, ramMin: 300, ramMax: 500, tmpdirMin: 7, outdirMax: 9}}
inputs: {}
outputs: {out: stdout}
stdout: out.txt
"""
        ),
        {},
    ),
    "resources by default": (
        tool(
            "baseCommand: echo\narguments: [$(runtime.cores), $(runtime.ram)]\ninputs: {}\noutputs: {out: stdout}\nstdout: out.txt\n"
        ),
        {},
    ),
    "resources by default of v1.0": (
        tool(
            "baseCommand: echo\narguments: [$(runtime.cores), $(runtime.ram)]\ninputs: {}\noutputs: {out: stdout}\nstdout: out.txt\n",
            "v1.0",
        ),
        {},
    ),
    "network access": (
        tool(
            "baseCommand: [echo, online]\nrequirements: {NetworkAccess: {networkAccess: true}}\ninputs: {}\noutputs: {out: stdout}\nstdout: o\n"
        ),
        {},
    ),
    "time limit": (
        tool(
            "baseCommand: [sleep, '0.1']\nrequirements: {ToolTimeLimit: {timelimit: $(inputs.n)}}\ninputs: {n: int}\noutputs: []\n"
        ),
        {"n": 20},
    ),
    "work reuse": (
        tool(
            "baseCommand: [echo, fresh]\nrequirements: {WorkReuse: {enableReuse: false}}\ninputs: {}\noutputs: {out: stdout}\nstdout: o\n"
        ),
        {},
    ),
    "shell command": (
        tool(
            """
requirements: {ShellCommandRequirement: {}}
arguments: [{shellQuote: false, valueFrom: "echo one | tr a-z A-Z && echo"}, $(inputs.x)]
inputs: {x: string}
outputs: {out: stdout}
stdout: o
"""
        ),
        {"x": "; echo $(date)"},
    ),
    "types": (
        tool(
            """
baseCommand: echo
inputs:
  i: {type: int, inputBinding: {prefix: -i}}
  l: {type: long, inputBinding: {prefix: -l}}
  f: {type: float, inputBinding: {prefix: -f}}
  d: {type: 'double?', inputBinding: {prefix: -d}}
  b: {type: boolean, inputBinding: {prefix: -b}}
  s: {type: 'string[]', inputBinding: {prefix: -s, itemSeparator: ','}}
  e: {type: {type: enum, symbols: [red, blue]}, inputBinding: {prefix: -e}}
  u: {type: [int, string], inputBinding: {prefix: -u}}
  n: {type: 'string?', inputBinding: {prefix: -n}}
  v: {type: string, default: left out, inputBinding: {prefix: -v}}
  r: {type: {type: record, fields: {x: {type: int, inputBinding: {prefix: -x}}, y: {type: string, inputBinding: {prefix: -y}}}}, inputBinding: {}}
outputs: {out: stdout}
stdout: o
"""
        ),
        {
            "i": 1,
            "l": 2**40,
            "f": 0.5,
            "d": 1e-3,
            "b": True,
            "s": ["a", "b"],
            "e": "blue",
            "u": "x",
            "n": None,
            "r": {"x": 1, "y": "z"},
        },
    ),
    "outputs of all kinds": (
        tool(
            """
baseCommand: [sh, -c, "mkdir -p d/e && echo 1 > d/e/f && echo 22 > a.txt && echo 3 > a.txt.idx && echo out && echo err >&2"]
inputs: {}
outputs:
  f: {type: File, secondaryFiles: [.idx], outputBinding: {glob: a.txt}}
  d: {type: Directory, outputBinding: {glob: d}}
  m: {type: 'File[]', outputBinding: {glob: 'a*'}}
  q: {type: 'File?', outputBinding: {glob: nothing}}
  o: stdout
  e: stderr
stdout: o.txt
stderr: e.txt
"""
        ),
        {},
    ),
    "cwl.output.json": (
        tool(
            """
baseCommand: [python3, -c, "import json; json.dump({'n': 3, 's': [1, 2]}, open('cwl.output.json', 'w'))"]
inputs: {}
outputs: {n: int, s: 'int[]'}
"""
        ),
        {},
    ),
    "success codes": (
        tool(
            "baseCommand: [sh, -c, 'echo fine; exit 3']\nsuccessCodes: [3]\ninputs: {}\noutputs: {out: stdout}\nstdout: o\n"
        ),
        {},
    ),
    "standard input": (
        tool("baseCommand: [wc, -l]\ninputs: {f: stdin}\noutputs: {out: stdout}\nstdout: o\n"),
        {"f": TEXT},
    ),
    "file literal": (
        tool("baseCommand: cat\ninputs: {f: {type: File, inputBinding: {}}}\noutputs: {out: stdout}\nstdout: o\n"),
        {"f": {"class": "File", "contents": "literal", "basename": "x.txt"}},
    ),
    "load contents": (
        tool(
            """
baseCommand: [echo, -n]
arguments: [$(inputs.f.contents)]
inputs: {f: {type: File, loadContents: true}}
outputs: {n: {type: string, outputBinding: {glob: o, loadContents: true, outputEval: '$(self[0].contents)'}}}
stdout: o
"""
        ),
        {"f": {"value": "fifteen letters", "mediaType": "text/plain"}},
    ),
}

JAVASCRIPT = {
    "expressions": (
        tool(
            """
requirements: {InlineJavascriptRequirement: {expressionLib: ['function twice(x) { return x + x; }', 'var suffix = "!";']}}
baseCommand: echo
arguments:
- $(inputs.s.toUpperCase())
- $(twice(inputs.s) + suffix)
- '${ var a = []; for (var i = 0; i < 3; i++) { a.push(i * inputs.n); } return a.join("-"); }'
- $([1, 2, 3].map(function (x) { return x / 2; }))
- '$(JSON.stringify({b: [null, true, 1.5, 1e21, "ü\\u2028"], a: undefined}))'
- '$("é€😀".length)'
- before $(inputs.n + 1) after
- $(0.1 + 0.2)
- $(1 / 3)
- $(Math.pow(2, 53))
- $(-0)
- $(null)
- $(runtime.cores)
inputs: {s: string, n: int}
outputs: {out: stdout}
stdout: o
"""
        ),
        {"s": "wörter", "n": 7},
    ),
    "expression tool": (
        """
cwlVersion: v1.2
class: ExpressionTool
id: main
requirements: {InlineJavascriptRequirement: {}}
inputs: {f: File, n: 'int[]'}
outputs: {name: string, sum: int, half: double, list: 'string[]', none: 'string?', made: File, any: Any}
expression: |
  ${
    var sum = 0;
    inputs.n.forEach(function (x) { sum += x; });
    return {"name": inputs.f.basename, "sum": sum, "half": sum / 4, "list": inputs.n.map(String), "none": null,
            "made": {"class": "File", "basename": "made.txt", "contents": "made " + sum},
            "any": {"deep": [1, {"er": inputs.f.size}]}};
  }
""",
        {"f": TEXT, "n": [1, 2, 3]},
    ),
    "expressions everywhere": (
        flow(
            "{say: {run: '#echo', scatter: word, when: '$(inputs.word.length > 1)',"
            " in: {word: {source: words, valueFrom: '$(self + inputs.extra)'}, extra: extra}, out: [out]}}",
            "{words: 'string[]', extra: string}",
            "{out: {type: 'Any', outputSource: say/out, pickValue: all_non_null}}",
            "{ScatterFeatureRequirement: {}, StepInputExpressionRequirement: {}, InlineJavascriptRequirement: {}, MultipleInputFeatureRequirement: {}}",
        ),
        {"words": ["", "b", "cd"], "extra": "x"},
    ),
    "output expressions": (
        tool(
            """
requirements: {InlineJavascriptRequirement: {}}
baseCommand: [sh, -c, "seq 3 > n.txt; echo hi > x.dat; echo y > x.dat.aux"]
inputs: {}
outputs:
  sum: {type: int, outputBinding: {glob: n.txt, loadContents: true,
        outputEval: '${ return self[0].contents.trim().split("\\n").map(Number).reduce(function (a, b) { return a + b; }); }'}}
  exit: {type: int, outputBinding: {outputEval: $(runtime.exitCode)}}
  with: {type: File, secondaryFiles: ['$(self.basename).aux'], outputBinding: {glob: '$("x" + ".dat")'}}
"""
        ),
        {},
    ),
    "a listing of a directory": (
        tool(
            """
requirements: {InlineJavascriptRequirement: {}, InitialWorkDirRequirement: {listing: '${ return [{"class": "Directory", "basename": "d", "listing": [inputs.f]}]; }'}}
baseCommand: [find, d, -type, l, -o, -name, 'f*']
inputs: {f: File}
outputs: {d: {type: 'string[]', outputBinding: {glob: d, loadListing: deep_listing, outputEval: '$(self[0].listing.map(function (f) { return f.basename; }))'}}}
"""
        ),
        {"f": TEXT},
    ),
}

CWLTOOL = """
import os, sys
from cwltool.main import main
for line in sys.stdin:
    folder, package = line.split()
    pid = os.fork()
    if pid == 0:
        os.chdir(folder)
        sys.stdout, sys.stderr = open("said.json", "w"), open("complaints.txt", "w")
        os._exit(main(["--no-container", "--quiet", "--outdir", "out", package, "order.json"], stdout=sys.stdout) or sys.stdout.flush() or 0)
    _, status = os.waitpid(pid, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"""


@pytest.fixture(scope="module")
def cwltool():
    """cwltool as its command line runs it, imported once and forked for each package."""
    command = [sys.executable, "-c", CWLTOOL]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def run(folder: Path, package: str) -> str:
            process.stdin.write(f"{folder} {package}\n")
            process.stdin.flush()
            assert "0\n" == process.stdout.readline(), (folder / "complaints.txt").read_text()
            return (folder / "said.json").read_text()

        yield run
        process.stdin.close()


@pytest.fixture(scope="module")
def plain(tmp_path_factory, cwltool):
    """What `cwltool --no-container` says to a package and its inputs; asked once for each."""
    said = {}

    def ask(name: str, package: str, inputs: dict) -> dict:
        if name not in said:
            folder = tmp_path_factory.mktemp("plain")
            (folder / "package.cwl").write_text(yaml.safe_dump(yaml.safe_load(package), sort_keys=False))
            order = {key: as_cwl(value, key, folder) for key, value in inputs.items()}
            (folder / "order.json").write_text(json.dumps(order))
            said[name] = content(json.loads(cwltool(folder, "package.cwl" + ("#main" if "$graph" in package else ""))))
        return said[name]

    return ask


def compare(machine, plain, name: str, package: str, inputs: dict, **options) -> None:
    entry = "main"
    run = machine.run(package, inputs, entry=entry, options=Options(**options))
    assert Outcome.SUCCESSFUL is run.ended.outcome, (run.ended, run.log("job"))
    expected = {key: value for key, value in plain(name, package, inputs).items() if value is not None}
    assert without_companions(expected) == ours(run)


@pytest.mark.parametrize("name", PLAIN)
def test_a_requirement_means_what_it_means_to_cwltool(sandboxed, plain, name):
    """The same outputs: names, contents, values, nulls, nesting."""
    compare(sandboxed, plain, name, *PLAIN[name])


@pytest.mark.parametrize("engine", ["quickjs", "node"])
@pytest.mark.parametrize("name", JAVASCRIPT)
def test_javascript_means_what_it_means_to_cwltool(sandboxed, plain, name, engine):
    """The same values from QuickJS as from Node, which is what cwltool asks."""
    if shutil.which("node") is None:
        pytest.skip("Node is not installed, and cwltool needs it for JavaScript")
    compare(sandboxed, plain, name, *JAVASCRIPT[name], javascript=engine)


def test_a_file_may_be_two_outputs(sandboxed):
    """One file, promised under two names, is stored under both."""
    package = flow(
        "{say: {run: '#echo', in: {word: {default: twice}}, out: [out]}}",
        "{}",
        "{a: {type: 'File[]', outputSource: [say/out], linkMerge: merge_nested},"
        " b: {type: 'File[]', outputSource: [say/out], linkMerge: merge_flattened}, c: {type: File, outputSource: say/out}}",
        "{MultipleInputFeatureRequirement: {}}",
    )
    run = sandboxed.run(package, entry="main")
    assert Outcome.SUCCESSFUL is run.ended.outcome, run.ended
    assert ["twice\n"] * 3 == [run.text(name) for name in ("a", "b", "c")]


def test_an_input_may_be_an_output(sandboxed):
    """A tool may hand on what it was given; only what is neither an input nor its own is refused."""
    package = shell(
        "true",
        inputs="{f: {type: File, inputBinding: {}}}",
        outputs="{o: {type: File, outputBinding: {outputEval: $(inputs.f)}}}",
    )
    run = sandboxed.run(package, {"f": {"value": "handed on", "mediaType": "text/plain"}})
    assert Outcome.SUCCESSFUL is run.ended.outcome, run.ended
    assert "handed on" == run.text("o")
