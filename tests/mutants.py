"""Mutation testing: change one place of a package at a time, and check that a test fails.

    python -m tests.mutants metrics               # every mutant of kerasdl/metrics
    python -m tests.mutants data --sample 150     # a random sample
    python -m tests.mutants export --sample 40 --tests tests/export/test_convert.py ...

A mutant is killed if a test fails or does not end. The changes are mutmut's: another number,
operator or string, an argument dropped or `None`, an assignment of `None`, and so on. Text for
people (strings with a space), annotations and decorators are not changed.

Only mutmut's changes are used, not its runner. That one keeps all mutants of a function in one file
behind a switch, but AutoGraph reads the source of functions; it leaves tables of modules and
decorated functions alone; and it draws no samples. Here each mutant is a file with one change, in a
copy of the repository, so that processes which a test starts see it as well. One process imports
TensorFlow, computes nothing, and forks a child per mutant, because importing takes longer than most
tests, and TensorFlow's threads do not survive a fork.

For each mutant, the tests that run its function are run, then others of their files, or of all
files for code outside functions. They are run fastest first, as far as they take `SECONDS` in all
without the mutant. Tests marked `slow` are left out.

With `--tests` only these tests are run, which takes less time where others start processes. What
they kill, all tests kill; what they do not kill counts as a survivor, so the score is a lower
bound.

Mutants are run in a random order, so those run within `--minutes` are a sample. A run continues
where the last one stopped: results are kept in out/mutants/PACKAGE.jsonl. A killed mutant is run
again when its function changes, a survivor also when a test changes. The summary goes to
benchmarks/results/mutants.json. Survivors that behave as the original does are listed with the
reason in tests/mutants_equivalent.json, and do not count.
"""

import argparse
import collections
import contextlib
import dataclasses
import gc
import hashlib
import importlib
import importlib.metadata
import itertools
import json
import math
import multiprocessing
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from typing import Any

ROOT = pathlib.Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "mutants.json"
EQUIVALENT = ROOT / "tests" / "mutants_equivalent.json"
SECONDS = 20.0  # processor seconds of all tests for a mutant
# imported before the first fork, because it takes long; importing them computes nothing
PRELOADED = (
    *("tensorflow", "keras", "matplotlib.pyplot", "PIL.Image", "scipy.linalg"),
    *("sklearn.datasets", "sklearn.metrics", "pytest"),
)
FAILED = 99  # exit status of a child in which something other than a test failed
NOT_CHANGED = {"len", "isinstance"}  # calls whose arguments are not changed, as in mutmut


@dataclasses.dataclass(frozen=True, eq=False)
class Mutant:
    """One change of one file.

    Args:
        file: str, path of the file from the root.
        module: The file's syntax tree, of libcst.
        node: The part of it that is changed.
        changed: What replaces the node.
        line: int, where the node is.
        function: (int, int), first and last line of the body of the outermost function that holds
            the node; `None` outside functions.
        key: str, a hash of the function and of the change in it; other changes of the file do not
            affect it.
    """

    file: str
    module: Any
    node: Any
    changed: Any
    line: int
    function: tuple[int, int] | None
    key: str

    @property
    def code(self) -> str:
        """Return the whole file with the change."""
        return self.module.deep_replace(self.node, self.changed).code

    def lines(self) -> tuple[str, str]:
        """Return the lines that differ, as they are and as they become, without indentation."""
        texts = self.module.code, self.code
        old, new = ([line.strip() for line in text.splitlines()] for text in texts)
        while old and new and old[0] == new[0]:
            del old[0], new[0]
        while old and new and old[-1] == new[-1]:
            del old[-1], new[-1]
        return "\n".join(old), "\n".join(new)


def mutants_of(file: str, source: str) -> list[Mutant]:
    """Return every possible change of a file."""
    import libcst
    from libcst import metadata
    from mutmut.mutation.mutators import mutation_operators, operator_string

    wrapper = metadata.MetadataWrapper(libcst.parse_module(source))
    module, places = wrapper.module, wrapper.resolve(metadata.PositionProvider)
    found, numbers = [], collections.Counter()

    class Visitor(libcst.CSTVisitor):
        line, function, text, outermost = 1, None, "", None

        def on_visit(self, node):
            if node in places:
                self.line = places[node].start.line
            if _stays(node):
                return False
            if isinstance(node, libcst.FunctionDef) and self.outermost is None:
                body = places[node.body]
                self.outermost, self.text = node, module.code_for_node(node)
                self.function = body.start.line, body.end.line
            for kind, operator in mutation_operators:
                if isinstance(node, kind):
                    # the others change the case of a string
                    most = 1 if operator is operator_string else None
                    for changed in itertools.islice(operator(node), most):
                        self.add(node, changed)
            return True

        def on_leave(self, node):
            if node is self.outermost:
                self.function, self.text, self.outermost = None, "", None

        def add(self, node, changed):
            place = file, self.text, module.code_for_node(node), module.code_for_node(changed)
            numbers[place] += 1
            key = hashlib.sha256(repr((*place, numbers[place])).encode()).hexdigest()[:16]
            found.append(Mutant(file, module, node, changed, self.line, self.function, key))

    module.visit(Visitor())
    return found


def _stays(node):
    """Return whether a node and the nodes in it are not changed."""
    import libcst
    from libcst import matchers as m

    simple = (libcst.Name, libcst.BaseNumber, libcst.BaseString)
    return (
        isinstance(node, libcst.Annotation | libcst.Decorator)
        or (isinstance(node, libcst.SimpleString) and " " in node.value)
        or m.matches(node, m.Call(m.Name(m.MatchIfTrue(NOT_CHANGED.__contains__))))
        or m.matches(node, m.If(m.Name("TYPE_CHECKING")))
        or m.matches(node, m.AnnAssign(annotation=m.Annotation(m.Name("TypeAlias"))))
        # a function whose default cannot be computed fails when it is imported
        or (isinstance(node, libcst.Param) and not isinstance(node.default, (*simple, type(None))))
    )


def mutants(package: str, root: pathlib.Path, seed: int) -> list[Mutant]:
    """Return all mutants in a random order, in which a change of one does not move the others."""
    found = []
    for path in sorted((root / "kerasdl" / package).rglob("*.py")):
        file = path.relative_to(root).as_posix()
        found += mutants_of(file, path.read_text(encoding="utf-8"))
    return sorted(found, key=lambda m: hashlib.sha256(f"{seed} {m.key}".encode()).digest())


# ---- running tests in a child


class Watching:
    """A pytest plugin that notes the seconds of each test and the lines that it runs."""

    def __init__(self, coverage):
        self.coverage, self.seconds, self.waited = coverage, {}, {}

    def pytest_runtest_logstart(self, nodeid):
        self.coverage.switch_context(nodeid)
        self.start = _computed(), time.monotonic()

    def pytest_runtest_logfinish(self, nodeid):
        computed, now = self.start
        self.seconds[nodeid], self.waited[nodeid] = _computed() - computed, time.monotonic() - now


def _computed():
    """Return the processor seconds of this process and of the children that ended."""
    return sum(os.times()[:4])


class Choosing:
    """A pytest plugin that runs the given tests in the given order, and notes what fails."""

    def __init__(self, tests):
        self.order = {test: number for number, test in enumerate(tests)}
        self.failed = None

    def pytest_collection_modifyitems(self, items):
        items[:] = sorted(
            (item for item in items if item.nodeid in self.order),
            key=lambda item: self.order[item.nodeid],
        )

    def pytest_runtest_logreport(self, report):
        if report.failed and self.failed is None:
            self.failed = report.nodeid


def in_child(root: pathlib.Path, function, *arguments, limit: float | None = None, computing=None):
    """Run a function in a child; return what it returns, and a status, `None` if it did not end.

    The function returns the status and something that JSON can hold.

    Args:
        root: The folder of the copy.
        function: What to run there.
        *arguments: Of the function.
        limit: float, seconds after which the child is killed.
        computing: int, the same in seconds of computing.
    """
    answer, log = root / ".answer.json", root / ".log"
    answer.unlink(missing_ok=True)

    def child():
        os.setsid()  # so that processes that the tests start end with it
        if computing:
            resource.setrlimit(resource.RLIMIT_CPU, (computing, computing))
        with log.open("w") as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
        os.chdir(root)
        os.environ["PYTHONPATH"] = str(root)
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # they take longer than most tests
        for name in [n for n in sys.modules if n.split(".")[0] in ("tests", "kerasdl")]:
            del sys.modules[name]
        sys.path[:] = [str(root), *(p for p in sys.path if pathlib.Path(p or ".") != ROOT)]
        status = FAILED
        try:
            status, found = function(*arguments)
            answer.write_text(json.dumps(found))
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(status)

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join(limit)
    ended = not process.is_alive()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.join()
    status = process.exitcode if ended else None
    if status in (-signal.SIGXCPU, -signal.SIGKILL) and computing:
        status = None
    if status in (FAILED, 4):  # 4: pytest could not use its arguments
        raise SystemExit(f"The tests could not be run.\n{log.read_text()[-4000:]}")
    return json.loads(answer.read_text()) if answer.exists() else None, status


def _pytest(plugin, *arguments):
    import pytest

    options = ["-m", "not slow", "-p", "no:cacheprovider"]
    return int(pytest.main([*options, *arguments], plugins=[plugin]))


def watch(package: str, tests: list[str]):
    """Run all tests of a package; return the seconds of each, and the tests that run each line."""
    import coverage

    sys.dont_write_bytecode = False
    recorder = coverage.Coverage(data_file=None, source=[f"kerasdl/{package}"])
    recorder.start()
    plugin = Watching(recorder)
    status = _pytest(plugin, *tests)
    recorder.stop()
    data = recorder.get_data()
    lines = {
        pathlib.Path(file).relative_to(pathlib.Path.cwd()).as_posix(): {
            line: [test for test in tests if test]
            for line, tests in data.contexts_by_lineno(file).items()
        }
        for file in data.measured_files()
    }
    return status, {"seconds": plugin.seconds, "waited": plugin.waited, "lines": lines}


def meet(tests: list[str]):
    """Run some tests until one fails; return which."""
    sys.dont_write_bytecode = True  # bytecode of a file with the same time and size would be used
    plugin = Choosing(tests)
    status = _pytest(plugin, "-x", *dict.fromkeys(test.partition("::")[0] for test in tests))
    return status, plugin.failed


def choose(mutant: Mutant, seconds: dict[str, float], lines: dict) -> list[str]:
    """Return the tests for a mutant, those of a file in a row."""
    here = {int(line): tests for line, tests in lines.get(mutant.file, {}).items()}
    first, last = mutant.function or (1, math.inf)
    running = {test for line, tests in here.items() if first <= line <= last for test in tests}
    # code that TensorFlow runs as a graph is not seen
    running = running or {test for tests in here.values() for test in tests} or {*seconds}
    # any test may depend on code outside functions, which runs when it is imported
    files = {test.partition("::")[0] for test in (running if mutant.function else seconds)}
    known = [test for test in seconds if test.partition("::")[0] in files]
    known.sort(key=lambda test: (test not in running, seconds[test]))
    total = itertools.accumulate(seconds[test] for test in known)
    chosen = [test for test, s in zip(known, total, strict=True) if s <= SECONDS] or known[:1]
    costs = collections.Counter()
    for test in chosen:
        costs[test.partition("::")[0]] += seconds[test]
    return sorted(chosen, key=lambda test: costs[test.partition("::")[0]])


# ---- the run


def paths_of_tests(package: str) -> list[str]:
    """Return the paths of a package's tests: a folder, files of its name, and its doctests."""
    named = sorted(ROOT.glob(f"tests/**/test_{package}.py"))
    found = [f"tests/{package}", *(path.relative_to(ROOT).as_posix() for path in named)]
    found.append(f"kerasdl/{package}")
    return [path for path in dict.fromkeys(found) if (ROOT / path).exists()]


def copy_to(folder: pathlib.Path):
    """Copy the files of the repository, also those that are not committed yet."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def digest(paths, pattern: str = "test_*.py") -> str:
    """Return a hash of files, and of those in folders that match a pattern."""
    files = [p for path in paths for p in ((path,) if path.is_file() else path.rglob(pattern))]
    return hashlib.sha256(b"".join(p.read_bytes() for p in sorted(files))).hexdigest()[:16]


def run(package: str, sample: int | None, seed: int, end: float, tests: list[str]):
    """Run the mutants of a package that have no result yet, until all are run or the time is over.

    Returns:
        How many mutants there are; the mutants that have a result, with the result.
    """
    session = ROOT / "out" / "mutants" / f"{package}.jsonl"
    session.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder).resolve()
        copy_to(root)
        version = digest([root / path for path in tests])
        known, again = {}, set()
        for line in session.read_text().splitlines() if session.exists() else ():
            result = json.loads(line)
            known[result["key"]] = result["status"]
            # what survived other tests is run again
            other = result["status"] == "survived" and result["tests"] != version
            (again.add if other else again.discard)(result["key"])
        every = mutants(package, root, seed)
        chosen = every[:sample]
        missing = [m for m in chosen if m.key not in known or m.key in again]
        print(f"{package}: {len(every)} mutants, {len(missing)} to run", flush=True)
        in_time = missing and time.monotonic() < end
        seen = watched(root, package, tests) if in_time else None
        # survivors first; the others follow in random order
        for mutant in sorted(missing, key=lambda mutant: mutant.key not in known):
            if time.monotonic() > end:
                break
            status, failed = meet_mutant(root, mutant, seen)
            known[mutant.key] = status
            row = {"key": mutant.key, "status": status, "by": failed, "tests": version}
            with session.open("a") as output:
                output.write(json.dumps(row) + "\n")
            if status == "survived":
                was, now = mutant.lines()
                print(f"{mutant.file}:{mutant.line}\n- {was}\n+ {now}", flush=True)
    return len(every), [(m, known[m.key]) for m in chosen if m.key in known]


def watched(root: pathlib.Path, package: str, tests: list[str]) -> dict:
    """Return the result of `watch`, from a file if nothing has changed since."""
    version = digest([*(root / path for path in tests), root / "kerasdl"], "*.py")
    file = ROOT / "out" / "mutants" / f"{package}.json"
    known = json.loads(file.read_text()) if file.exists() else {}
    if known.get("version") != version:
        found, status = in_child(root, watch, package, tests)
        if status:
            log = (root / ".log").read_text()[-4000:]
            raise SystemExit(f"The tests must pass before anything is changed.\n{log}")
        known = {"version": version, **found}
        file.write_text(json.dumps(known))
    return known


def meet_mutant(root, mutant, seen):
    """Run tests with a mutant in place; return its status, and the test that failed."""
    seconds = seen["seconds"]
    tests = choose(mutant, seconds, seen["lines"])
    path = root / mutant.file
    original = path.read_bytes()
    for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*"):
        compiled.unlink()
    path.write_text(mutant.code, encoding="utf-8")
    # far more than they took, so that load of the machine does not count as an endless loop
    limit = 120 + 10 * sum(seen["waited"][test] for test in tests)
    computing = 30 + int(5 * sum(seconds[test] for test in tests))
    failed, status = in_child(root, meet, tests, limit=limit, computing=computing)
    path.write_bytes(original)
    if status is None:
        return "did not end", None
    return "survived" if status in (0, 5) else "killed", failed  # 5: there is no such test


def interval(killed: int, count: int) -> list[float]:
    """Wilson's 95 % confidence interval of a fraction."""
    z = 1.96
    middle = (killed + z * z / 2) / (count + z * z)
    width = z / (count + z * z) * math.sqrt(killed * (count - killed) / count + z * z / 4)
    return [round(middle - width, 3), round(middle + width, 3)]


def summary(count: int, results: list, seed: int, tests: list[str] | None = None) -> dict:
    """Return the summary of a package; `tests` are those that were run if not all were."""
    reasons = {
        (row["file"], row["was"], now): row["why"]
        for row in json.loads(EQUIVALENT.read_text(encoding="utf-8"))
        for now in row["now"]
    }
    statuses = collections.Counter(status for _, status in results)
    survivors, equivalent = [], []
    for mutant, status in results:
        if status == "survived":
            was, now = mutant.lines()
            shown = {"place": f"{mutant.file}:{mutant.line}", "was": was, "now": now}
            why = reasons.get((mutant.file, was, now))
            (equivalent if why else survivors).append({**shown, **({"why": why} if why else {})})
    killed, counted = len(results) - statuses["survived"], len(results) - len(equivalent)
    commit = ["git", "rev-parse", "--short", "HEAD"]
    known = subprocess.run(commit, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return {
        "commit": known.strip(),
        "mutants": count,
        "sampled": len(results),
        "seed": seed,
        "killed": statuses["killed"],
        "did_not_end": statuses["did not end"],
        "equivalent": len(equivalent),
        "survived": len(survivors),
        "score": round(killed / counted, 3),
        "interval": interval(killed, counted) if len(results) < count else None,
        **({"tests": tests} if tests else {}),
        "survivors": survivors,
        "equivalents": equivalent,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("packages", nargs="+", help="folders of kerasdl/")
    parser.add_argument("--sample", type=int, help="how many mutants of each; all by default")
    parser.add_argument("--minutes", type=float, default=math.inf, help="after which to stop")
    parser.add_argument("--seed", type=int, default=0, help="decides on the order of the mutants")
    parser.add_argument("--tests", nargs="+", help="paths of tests to run; all by default")
    arguments = parser.parse_args()
    end = time.monotonic() + 60 * arguments.minutes
    for name in PRELOADED:
        importlib.import_module(name)
    gc.freeze()  # excludes it from the garbage collection of the children
    for package in arguments.packages:
        tests = arguments.tests or paths_of_tests(package)
        count, results = run(package, arguments.sample, arguments.seed, end, tests)
        if not results:
            continue
        found = summary(count, results, arguments.seed, arguments.tests)
        print(f"{package}: {found['score']:.1%} killed, {found['survived']} survived", flush=True)
        written = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
        written["mutmut"] = importlib.metadata.version("mutmut")
        written.setdefault("packages", {})[package] = found
        RESULTS.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
