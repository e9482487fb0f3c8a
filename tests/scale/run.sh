#!/usr/bin/env bash
# Audits of 300 accounts in the sandbox, under virtual time: makespan against its lower bound, throttling, requests, verdicts.
# In the dev profile, whose crates `cargo test` has compiled already: a release build of the SDK takes longer than the bench.
# What is judged here is the same in every profile; memory and CPU time are for `cargo bench --bench scale` by hand.
# shellcheck source-path=SCRIPTDIR source=../lane.sh
. "$(dirname "$0")/../lane.sh"
cargo bench --profile dev --bench scale -- --accounts 300 --population 10,20,12
cargo bench --profile dev --bench scale -- --accounts 100 --population 10,20,12 --scenario hidden-iam
