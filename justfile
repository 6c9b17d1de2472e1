# `just` lists these recipes; each is a line that you can also type yourself.

_list:
    @just --list

# Run the demo; Ctrl-C ends it
demo:
    cargo run -- up

# Run the tests
test:
    cargo test --workspace

# Run 20,000 random projects against the laws of the machine; a few minutes
worlds:
    CARGO_PROFILE_TEST_OPT_LEVEL=1 PROPTEST_CASES=20000 cargo test --lib --target-dir target/worlds machine::tests::random

# Fuzz the HTTP API from its OpenAPI document; needs `pip install schemathesis`
fuzz-http:
    cargo build
    tests/fuzz-http.sh target/debug/pitcrew

# Run all checks that must pass before a change is merged
ci:
    .ci/run

# Format and run clippy
tidy:
    cargo fmt
    cargo clippy --all-targets --all-features

# Redraw docs/screen.svg
screen:
    cargo build
    cargo run --example screenshot -- --size 120x36 --wait "listening on port" --wait "replica 2 did" --svg docs/screen.svg -- target/debug/pitcrew

# Print the measurements of benches/
bench:
    cargo bench
