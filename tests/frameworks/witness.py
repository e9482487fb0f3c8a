"""Holds config/frameworks/ against Prowler's compliance files: ids, levels, assessment status, mappings, and that no text is theirs.

Every difference has to be in pairs.py with its reason, and every reason has to be needed.
"""

import json
import pathlib
import re
import sys
import zipfile

import yaml

import pairs

HERE = pathlib.Path("config/frameworks")
# Words in a row that nobody chooses twice by chance.
RUN = 7


def ours(name):
    data = yaml.safe_load((HERE / f"{name}.yaml").read_text())
    controls = {control["id"]: control for control in data["controls"]}
    for service, ids in data.get("not_covered", {}).items():
        controls.update({control: {"id": control, "not_covered": service} for control in ids})
    return controls


def runs(text):
    words = re.findall(r"[a-z0-9]+", text.lower())
    return {tuple(words[i : i + RUN]) for i in range(len(words) - RUN + 1)}


def texts(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


def main():
    wheel = zipfile.ZipFile(sys.argv[1])
    problems, used, compared = [], set(), 0

    def known(table, key, problem):
        if key in table:
            used.add(key)
            print(f"known: {problem}: {table[key]}")
        else:
            problems.append(problem)

    for name, (file, whole) in pairs.FRAMEWORKS.items():
        theirs = json.loads(wheel.read(f"prowler/compliance/aws/{file}.json"))["Requirements"]
        mine = ours(name)
        by_id = {requirement["Id"]: requirement for requirement in theirs}
        for control in sorted(set(mine) ^ set(by_id)):
            side = "orgward" if control in mine else "Prowler"
            known(pairs.IDS, (name, control), f"{name} {control} is in {side} only")
        compared += len(set(mine) & set(by_id))
        their_words = set().union(*(runs(text) for requirement in theirs for text in texts(requirement)))
        for control in mine.values():
            for text in texts({key: control[key] for key in ("title", "proves", "manual") if key in control}):
                if runs(text) & their_words:
                    problems.append(f"{name} {control['id']}: `{text}` is not in our own words")
        if not whole:
            continue
        for control in sorted(set(mine) & set(by_id)):
            attributes = by_id[control]["Attributes"][0]
            they = (int(attributes["Profile"].removeprefix("Level ")), attributes["AssessmentStatus"].lower())
            we = (mine[control]["level"], mine[control]["assessment"])
            if we != they:
                problems.append(f"{name} {control}: level and assessment are {we} here, {they} in Prowler")
        for check, own in pairs.PAIRS.items():
            there = {control for control, requirement in by_id.items() if check in requirement["Checks"]}
            here = {control for control, row in mine.items() if own in row.get("checks", [])}
            for control in sorted(there ^ here):
                side = "orgward" if control in here else "Prowler"
                known(pairs.MAPPINGS, (name, check, control), f"{name} {control} asks {own} ({check}) in {side} only")
            compared += len(there & here)
    for key in sorted(set(pairs.IDS) | set(pairs.MAPPINGS), key=str):
        if key not in used:
            problems.append(f"a difference is listed that is none: {key}")
    for problem in problems:
        print(f"differs: {problem}", file=sys.stderr)
    if compared < 1000:
        problems.append(f"only {compared} things were compared")
        print(problems[-1], file=sys.stderr)
    print(f"{compared} ids and mappings agree with Prowler, {len(used)} differences are known, {len(problems)} are not")
    return bool(problems)


sys.exit(main())
