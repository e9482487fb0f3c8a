#!/usr/bin/env bash
# The page's witness: the HTML report of a whole audit and one of hostile names, opened in Debian's Chromium and judged there:
# size, filters, keyboard, details, colours, no network, and axe-core's rules. Installs its pinned packages into
# target/html-witness and, where it may, the browser.
# shellcheck source-path=SCRIPTDIR source=../lane.sh
. "$(dirname "$0")/../lane.sh"
if ! has_node; then
    echo "skipped tests/html/run.sh: it needs node and npm" >&2
    exit 0
fi
if ! has_debian chromium chromium fonts-dejavu-core; then
    echo "skipped tests/html/run.sh: it needs chromium (apt-get install chromium)" >&2
    exit 0
fi
lane=target/html-witness
node_packages "$lane" tests/html/package.json
rm -rf "$lane/pages"
mkdir -p "$lane/pages"
ORGWARD_HTML_PAGES="$PWD/$lane/pages" cargo test --quiet --test it -- --ignored --exact html_pages::writes_the_pages_of_the_witness >/dev/null
node tests/html/witness.mjs "$lane/node_modules" "$lane/pages" "$lane"
