# `just` lists these; each is one line you could type yourself.

_list:
    @just --list

# Run the demo; Ctrl-C ends it
demo:
    cargo run -- up

# Run the tests
test:
    cargo test --workspace

# Run everything that must hold before a change goes in
ci:
    .ci/run

# Format, then say what the lints say
tidy:
    cargo fmt
    cargo clippy --all-targets --all-features

# Print the measurements of benches/
bench:
    cargo bench
