# `just` lists these; each is one line you could type yourself.

_list:
    @just --list

# Run the demo; Ctrl-C ends it
demo:
    cargo run -- up

# Run the tests
test:
    cargo test --workspace

# Look for a random world in which the laws of the machine do not hold; a few minutes
worlds:
    CARGO_PROFILE_TEST_OPT_LEVEL=1 PROPTEST_CASES=20000 cargo test --lib --target-dir target/worlds machine::tests::random

# Ask a running project everything its OpenAPI document allows and more; needs `pip install schemathesis`
fuzz-http:
    cargo build
    tests/fuzz-http.sh target/debug/pitcrew

# Run everything that must hold before a change goes in
ci:
    .ci/run

# Format, then say what the lints say
tidy:
    cargo fmt
    cargo clippy --all-targets --all-features

# Draw the demo anew for the README
screen:
    cargo build
    cargo run --example screenshot -- --size 120x36 --wait "listening on port" --wait "replica 2 did" --svg docs/screen.svg -- target/debug/pitcrew

# Print the measurements of benches/
bench:
    cargo bench
