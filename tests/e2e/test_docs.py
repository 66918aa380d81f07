#!/usr/bin/env python3
"""The examples in README and docs/ do what they say: blocks tagged `lines` are taken without a refusal, blocks tagged
`query` are answered, `yaml` blocks that begin with `scheme:` pass the check. A line that ends with `# refused: REASON`
must be refused for it, a query followed by `# error` must be an error."""
import glob
import json
import os
import re
import time
import urllib.parse

from harness import FAST, ROOT, Server, case, dialtone, folder, run


NOW = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())


def blocks(tag):
    for path in [os.path.join(ROOT, 'README.md')] + sorted(glob.glob(os.path.join(ROOT, 'docs', '*.md'))):
        text = open(path, encoding='utf-8').read()
        for found in re.finditer(r'^```' + tag + r'\n(.*?)^```', text, re.S | re.M):
            yield os.path.basename(path), found.group(1)


@case
def line_examples_are_taken_as_said():
    seen = 0
    with folder() as home, Server(home + '/data') as server:
        for path, block in blocks('lines'):
            for line in block.splitlines():
                line, _, wanted = line.partition('# refused:')
                if not line.strip():
                    continue
                line = re.sub(r'\b2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z', NOW, line)
                _, reply = server.post_lines(line.strip())
                names = [f['reason'] for f in reply['first']]
                if wanted.strip():
                    assert wanted.strip() in names, (path, line, wanted, reply)
                else:
                    assert not reply['refused'], (path, line, reply)
                seen += 1
    assert seen, 'no example was found'
    print(f'{seen} lines')


@case
def query_examples_are_answered():
    seen = 0
    with folder() as home:
        lines = dialtone('demo', '--emit', '20000', '--seed', '3', '--span', '1h', binary=FAST).stdout
        with Server(home + '/data', binary=FAST) as server:
            for at in range(0, len(lines), 4 << 20):
                cut = lines[at:at + (4 << 20)]
                assert server.post_lines(cut)[0] == 200
            for path, block in blocks('query'):
                for text in block.splitlines():
                    q, _, note = text.partition(' #')
                    if not q.strip():
                        continue
                    status, answer = server.get('/api/query?' + urllib.parse.urlencode({'q': q.strip(), 'from': '-2h'}))
                    if 'error' in note:
                        assert status == 400 and answer['error']['text'], (path, text, answer)
                    else:
                        assert status == 200, (path, text, answer)
                    seen += 1
    assert seen, 'no example was found'
    print(f'{seen} queries')


@case
def scheme_examples_pass_the_check():
    seen = 0
    with folder() as home:
        for path, block in blocks('yaml'):
            if not block.startswith('scheme:'):
                continue
            with open(home + '/scheme.yaml', 'w', encoding='utf-8') as out:
                out.write(block)
            done = dialtone('check', home + '/scheme.yaml')
            assert done.returncode == 0, (path, done.stdout, done.stderr)
            seen += 1
    assert seen, 'no example was found'


@case
def links_in_the_documents_lead_somewhere():
    for path in [os.path.join(ROOT, n) for n in ('README.md', 'ARCHITECTURE.md')] + glob.glob(os.path.join(ROOT, 'docs', '*.md')):
        for target in re.findall(r'\]\(([^)#:]+)(?:#[^)]*)?\)', open(path, encoding='utf-8').read()):
            assert os.path.exists(os.path.join(os.path.dirname(path), target)), (path, target)


run()
